"""The older name of `udapose quickstart`."""
if __name__ == '__main__':
    from _command import run
    run('quickstart')
