module calling-an-api.example/devserver/bench

go 1.26.0
