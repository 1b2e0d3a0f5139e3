package credentials

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"syscall"
)

// maxFile bounds one file of logins.
const maxFile = 1 << 20

func tooLarge() error { return fmt.Errorf("is larger than %d bytes", maxFile) }

var (
	errMissing = errors.New("there is no such file")
	errClosed  = errors.New("its folder cannot be entered by this user")
)

// readFile reads a file of logins: errMissing where there is none, errClosed where the folder does not let anybody see
// whether there is one.
func readFile(path string) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, syscall.ENOTDIR):
		return nil, errMissing
	case errors.Is(err, fs.ErrPermission):
		return nil, errClosed
	case err != nil:
		return nil, bare(err)
	case info.IsDir():
		return nil, errors.New("is a folder") // docker makes one where it is told to mount a file that is not there
	case isNull(info):
		return nil, nil
	case !info.Mode().IsRegular():
		return nil, errors.New("is not a regular file")
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, bare(err)
	}
	defer f.Close()
	doc, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err == nil && len(doc) > maxFile {
		err = tooLarge()
	}
	return doc, bare(err)
}

// isNull tells the null device, which people put where they want no logins.
func isNull(info fs.FileInfo) bool {
	null, err := os.Stat(os.DevNull)
	return err == nil && os.SameFile(null, info)
}

// bare is what is wrong without the path, which is said already.
func bare(err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}
