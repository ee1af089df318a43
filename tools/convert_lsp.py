"""The older name of `udapose convert lsp`."""
if __name__ == '__main__':
    from _command import run
    run('convert', 'lsp')
