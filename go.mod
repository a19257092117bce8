module dlc

go 1.26.0
