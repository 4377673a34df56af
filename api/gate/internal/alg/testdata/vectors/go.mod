// The version of the test vectors that ../../vectors_test.go uses.
module vectors

go 1.26.4

require github.com/c2sp/wycheproof v0.0.0-20260902155932-3fa63dd0344a
