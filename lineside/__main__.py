from lineside.cli import main

main()
