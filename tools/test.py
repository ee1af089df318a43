"""The older name of `udapose test`."""
if __name__ == '__main__':
    from _command import run
    run('test')
