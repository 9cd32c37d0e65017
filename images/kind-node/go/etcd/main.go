// etcd as its own main makes it: `go install` refuses modules that replace others, as etcd's does.
package main

import (
	"os"

	"go.etcd.io/etcd/server/v3/etcdmain"
)

func main() {
	etcdmain.Main(os.Args)
}
