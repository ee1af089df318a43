"""The older name of `udapose make-masks`."""
if __name__ == '__main__':
    from _command import run
    run('make-masks')
