module calling-an-api.example/devserver

go 1.26.0
