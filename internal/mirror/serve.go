package mirror

import (
	"bytes"
	"context"
	"net/http"
	"os"
	"sync"
	"time"
)

// ServedAt is the path below which a Server has its files: an address that ends in /databases is what our own update and
// the grype CLI take (GRYPE_DB_UPDATE_URL).
const ServedAt = "/databases/v6/"

// HealthPath answers 200 while what is in the folder fits together.
const HealthPath = "/healthz"

// Server hands out the files of one folder: latest.json, its signature, and the archive that it names. Nothing else in
// the folder can be reached. When the folder is filled anew, what it holds then is checked before it is handed out; until
// it fits together, the answer is 503.
type Server struct {
	dir string
	say func(format string, args ...any)

	mu      sync.Mutex
	seen    [3]mark // of the files, when they were checked last
	current Folder
	broken  error
}

// mark is what shows that a file was replaced.
type mark struct {
	size     int64
	modified time.Time
}

// NewServer checks the folder, and refuses one that does not fit together. say is told when a later one does not.
func NewServer(ctx context.Context, dir string, say func(format string, args ...any)) (*Server, error) {
	s := &Server{dir: dir, say: say}
	if _, err := s.folder(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

// Latest is what is handed out now.
func (s *Server) Latest() Latest {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.current.Latest
}

// folder is what is there, checked once for every change of it.
func (s *Server) folder(ctx context.Context) (Folder, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	named, err := ReadFolder(s.dir, nil)
	now := [3]mark{markOf(s.dir + "/" + LatestFile), markOf(s.dir + "/" + SignatureFile), markOf(named.Archive)}
	if now == s.seen && now[0] != (mark{}) {
		return s.current, s.broken
	}
	if err == nil {
		err = named.Check(ctx)
	}
	if ctx.Err() != nil {
		return Folder{}, ctx.Err() // whoever asked went away: nothing is known yet
	}
	if err != nil && s.say != nil && (s.broken == nil || s.broken.Error() != err.Error()) {
		s.say("%v", err)
	}
	s.seen, s.current, s.broken = now, named, err
	return named, err
}

func markOf(file string) mark {
	info, err := os.Stat(file)
	if err != nil {
		return mark{}
	}
	return mark{info.Size(), info.ModTime()}
}

func (s *Server) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if req.Method != http.MethodGet && req.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "only GET and HEAD", http.StatusMethodNotAllowed)
		return
	}
	w.Header().Set("X-Content-Type-Options", "nosniff")
	// The check outlives a client that does not wait for it: the next one would begin anew.
	folder, err := s.folder(context.WithoutCancel(req.Context()))
	switch {
	case req.URL.Path != HealthPath && !underDatabases(req.URL.Path):
		http.NotFound(w, req)
	case err != nil:
		w.Header().Set("Retry-After", "30")
		http.Error(w, "what is in the folder does not fit together", http.StatusServiceUnavailable)
	case req.URL.Path == HealthPath:
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		_, _ = w.Write([]byte("ok\n"))
	default:
		s.serveFile(w, req, folder)
	}
}

func underDatabases(path string) bool {
	return len(path) > len(ServedAt) && path[:len(ServedAt)] == ServedAt
}

func (s *Server) serveFile(w http.ResponseWriter, req *http.Request, folder Folder) {
	switch name := req.URL.Path[len(ServedAt):]; {
	case name == LatestFile:
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-cache")
		http.ServeContent(w, req, "", time.Time{}, bytes.NewReader(folder.Document))
	case name == SignatureFile && folder.Signature != nil:
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.Header().Set("Cache-Control", "no-cache")
		http.ServeContent(w, req, "", time.Time{}, bytes.NewReader(folder.Signature))
	case name == folder.Latest.Archive:
		s.serveArchive(w, req, folder)
	default:
		http.NotFound(w, req)
	}
}

func (s *Server) serveArchive(w http.ResponseWriter, req *http.Request, folder Folder) {
	f, err := os.Open(folder.Archive)
	if err != nil {
		http.Error(w, "the archive cannot be read", http.StatusServiceUnavailable)
		return
	}
	defer f.Close()
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("ETag", `"`+folder.Latest.SHA256+`"`)
	http.ServeContent(w, req, "", time.Time{}, f)
}
