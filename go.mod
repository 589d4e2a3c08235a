module github.com/jeton-go/jeton

go 1.26
