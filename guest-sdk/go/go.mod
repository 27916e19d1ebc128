module github.com/cachewit/cachewit/guest-sdk/go

go 1.24
