"""The older name of `udapose two-stage`."""
if __name__ == '__main__':
    from _command import run
    run('two-stage')
