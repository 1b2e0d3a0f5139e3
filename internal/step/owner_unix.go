//go:build unix

package step

import (
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// adopt gives what root made in somebody else's folder to the owner of that folder: a step of a CI system may run as root
// in a container on a workspace that the jobs around it must be able to clean up.
func adopt(path string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	own, err := owner(filepath.Dir(path))
	if err != nil || own.Uid == 0 {
		return err
	}
	return os.Lchown(path, int(own.Uid), int(own.Gid))
}

// GiveBack gives a folder that root filled to the owner of the folder it lies in, with all that is in it, so that others
// can keep it and clear it away. Elsewhere, and for whoever is not root, nothing happens.
func GiveBack(folder string) error {
	if os.Geteuid() != 0 {
		return nil
	}
	own, err := owner(filepath.Dir(folder))
	if err != nil || own.Uid == 0 {
		return err
	}
	root, err := os.OpenRoot(folder)
	if err != nil {
		return err
	}
	defer root.Close()
	// No link leads out of the folder.
	return fs.WalkDir(root.FS(), ".", func(name string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return root.Lchown(name, int(own.Uid), int(own.Gid))
	})
}

func owner(path string) (*syscall.Stat_t, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return nil, &fs.PathError{Op: "stat", Path: path, Err: fs.ErrInvalid}
	}
	return stat, nil
}
