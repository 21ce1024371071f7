"""What `python -m autoreg` runs, and so what `accelerate launch -m autoreg` starts several of."""

from autoreg.cli.app import main

if __name__ == "__main__":
    main()
