"""The older name of `udapose check-data`."""
if __name__ == '__main__':
    from _command import run
    run('check-data')
