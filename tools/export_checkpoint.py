"""The older name of `udapose export`."""
if __name__ == '__main__':
    from _command import run
    run('export')
