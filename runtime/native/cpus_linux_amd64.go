package native

import (
	"io/fs"
	"os"
	"path"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// CPUs returns how many CPUs this process may use: those of its affinity mask, or fewer where a
// control group's quota, rounded up, allows no more.
func CPUs() int {
	n := max(1, len(affinity()))
	if quota := cgroupQuota(os.DirFS("/")); quota > 0 {
		n = min(n, quota)
	}
	return n
}

// affinity returns the CPUs of the process's affinity mask, ascending.
func affinity() []int {
	var set unix.CPUSet
	if unix.SchedGetaffinity(os.Getpid(), &set) != nil {
		return nil
	}
	var cpus []int
	for cpu := 0; len(cpus) < set.Count(); cpu++ {
		if set.IsSet(cpu) {
			cpus = append(cpus, cpu)
		}
	}
	return cpus
}

// cgroupQuota returns the tightest CPU quota of the process's control groups, rounded up to
// whole CPUs, or 0 when there is none. Both versions of the interface are read, each group and
// all its ancestors; inside a container the group's own path may not exist below the mount.
func cgroupQuota(root fs.FS) int {
	groups, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return 0
	}
	tightest := 0
	for line := range strings.Lines(string(groups)) {
		hierarchy, rest, _ := strings.Cut(strings.TrimSpace(line), ":")
		controllers, group, found := strings.Cut(rest, ":")
		if !found {
			continue
		}
		var mounts []string
		if hierarchy == "0" && controllers == "" {
			mounts = []string{"sys/fs/cgroup", "sys/fs/cgroup/unified"}
		} else if slices.Contains(strings.Split(controllers, ","), "cpu") {
			mounts = []string{"sys/fs/cgroup/cpu", "sys/fs/cgroup/cpu,cpuacct", "sys/fs/cgroup/cpuacct,cpu"}
		}
		for _, mount := range mounts {
			for dir := path.Join(mount, group); strings.HasPrefix(dir, mount); dir = path.Dir(dir) {
				if q := quotaOf(root, dir); q > 0 && (tightest == 0 || q < tightest) {
					tightest = q
				}
			}
		}
	}
	return tightest
}

// quotaOf reads the quota of one group: cpu.max holds "quota period" or "max period" (version
// 2); cpu.cfs_quota_us is -1 where there is none (version 1).
func quotaOf(root fs.FS, dir string) int {
	var fields []string
	if text, err := fs.ReadFile(root, path.Join(dir, "cpu.max")); err == nil {
		fields = strings.Fields(string(text))
	} else {
		quota, err1 := fs.ReadFile(root, path.Join(dir, "cpu.cfs_quota_us"))
		period, err2 := fs.ReadFile(root, path.Join(dir, "cpu.cfs_period_us"))
		if err1 == nil && err2 == nil {
			fields = []string{strings.TrimSpace(string(quota)), strings.TrimSpace(string(period))}
		}
	}
	if len(fields) != 2 {
		return 0
	}
	quota, err1 := strconv.ParseInt(fields[0], 10, 64)
	period, err2 := strconv.ParseInt(fields[1], 10, 64)
	if err1 != nil || err2 != nil || quota <= 0 || period <= 0 {
		return 0
	}
	return int((quota + period - 1) / period)
}
