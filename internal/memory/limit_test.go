package memory_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/stepseal/stepseal/internal/memory"
)

func TestLimit(t *testing.T) {
	const meminfo = "MemTotal:       16384000 kB\nMemFree:         1000000 kB\nMemAvailable:    8192000 kB\n"
	for name, test := range map[string]struct {
		files map[string]string
		want  int64
		from  string
	}{
		"version 2":            {map[string]string{"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/memory.max": "104857600\n"}, 100 << 20, "/sys/fs/cgroup/a/b/memory.max"},
		"a group above it":     {map[string]string{"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/memory.max": "max\n", "sys/fs/cgroup/a/memory.max": "104857600\n"}, 100 << 20, "/sys/fs/cgroup/a/memory.max"},
		"the smallest of both": {map[string]string{"proc/self/cgroup": "0::/a/b\n", "sys/fs/cgroup/a/b/memory.max": "209715200\n", "sys/fs/cgroup/a/memory.max": "104857600\n"}, 100 << 20, "/sys/fs/cgroup/a/memory.max"},
		"a container, whose path is the one outside": {map[string]string{"proc/self/cgroup": "0::/kubepods/x\n", "sys/fs/cgroup/memory.max": "104857600\n"}, 100 << 20, "/sys/fs/cgroup/memory.max"},
		"a path that leads out":                      {map[string]string{"proc/self/cgroup": "0::/../../x\n", "sys/fs/cgroup/memory.max": "104857600\n"}, 100 << 20, "/sys/fs/cgroup/memory.max"},
		"version 1": {map[string]string{"proc/self/cgroup": "3:cpu,cpuacct:/d\n2:memory:/d\n0::/\n", "sys/fs/cgroup/memory/d/memory.limit_in_bytes": "104857600\n"},
			100 << 20, "/sys/fs/cgroup/memory/d/memory.limit_in_bytes"},
		"version 1 without a limit": {map[string]string{"proc/self/cgroup": "2:memory:/\n", "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n"}, 0, ""},
		"another controller":        {map[string]string{"proc/self/cgroup": "2:cpu:/\n", "sys/fs/cgroup/memory/memory.limit_in_bytes": "100\n"}, 0, ""},
		"the machine":               {map[string]string{"proc/meminfo": meminfo}, 8192000 << 10, "available"},
		"the machine has less":      {map[string]string{"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "99999999999\n", "proc/meminfo": meminfo}, 8192000 << 10, "available"},
		"the group has less":        {map[string]string{"proc/self/cgroup": "0::/\n", "sys/fs/cgroup/memory.max": "104857600\n", "proc/meminfo": meminfo}, 100 << 20, "/sys/fs/cgroup/memory.max"},
		"nonsense":                  {map[string]string{"proc/self/cgroup": "0::\nx\n", "sys/fs/cgroup/memory.max": "-5\n", "proc/meminfo": "MemAvailable: many kB\n"}, 0, ""},
		"nothing":                   {nil, 0, ""},
	} {
		t.Run(name, func(t *testing.T) {
			root := fstest.MapFS{}
			for path, content := range test.files {
				root[path] = &fstest.MapFile{Data: []byte(content)}
			}
			if got, from := memory.Limit(root); got != test.want || !strings.HasPrefix(from, test.from) || test.from == "" && from != "" {
				t.Errorf("got %d from %q, want %d from %q", got, from, test.want, test.from)
			}
		})
	}
}
