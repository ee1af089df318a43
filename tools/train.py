"""The older name of `udapose train`."""
if __name__ == '__main__':
    from _command import run
    run('train')
