"""The older name of `udapose sheet`."""
if __name__ == '__main__':
    from _command import run
    run('sheet')
