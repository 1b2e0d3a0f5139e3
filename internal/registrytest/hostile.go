package registrytest

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// Raw is an image of these layers as they are, packed or not. Their diff_ids are the digests of the bytes themselves, so
// the config lies about each that is packed: whoever reads one to its end finds that out.
func Raw(layers ...[]byte) (v1.Image, error) {
	var list []v1.Layer
	for _, content := range layers {
		list = append(list, static.NewLayer(content, types.OCILayer))
	}
	base := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	img, err := mutate.ConfigFile(base, &v1.ConfigFile{OS: "linux", Architecture: "amd64", RootFS: v1.RootFS{Type: "layers"}})
	if err != nil {
		return nil, err
	}
	return mutate.AppendLayers(img, list...)
}

// Tar is a layer of these entries, not packed. A regular file with a size and no content in bodies holds zeros.
func Tar(bodies map[string]string, entries ...tar.Header) ([]byte, error) {
	var buf bytes.Buffer
	w := tar.NewWriter(&buf)
	for _, header := range entries {
		body, written := bodies[header.Name]
		if header.Mode = 0o644; written {
			header.Size = int64(len(body))
		}
		if err := w.WriteHeader(&header); err != nil {
			return nil, err
		}
		if _, err := io.Copy(w, io.MultiReader(strings.NewReader(body), io.LimitReader(zeros{}, header.Size-int64(len(body))))); err != nil {
			return nil, err
		}
	}
	err := w.Close()
	return buf.Bytes(), err
}

type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// Bomb is a layer of some twenty megabytes with one file of 20 GiB of zeros. It is made of gzip members, of which all
// but the first are the same, so that making it takes no time.
func Bomb() ([]byte, error) {
	const member, members = 64 << 20, 320
	var head bytes.Buffer
	if err := tar.NewWriter(&head).WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: "var/log/lastlog", Size: member * members, Mode: 0o644}); err != nil {
		return nil, err
	}
	return inMembers(head.Bytes(), make([]byte, member), members)
}

// Crowd is a small layer of five million empty files.
func Crowd() ([]byte, error) {
	const files, member = 5_000_000, 5000
	var one bytes.Buffer
	w := tar.NewWriter(&one)
	for n := range member {
		if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: fmt.Sprint("file", n), Mode: 0o644}); err != nil {
			return nil, err
		}
	}
	return inMembers(nil, one.Bytes(), files/member)
}

// inMembers is the head as one gzip member, and the rest as many.
func inMembers(head, rest []byte, times int) ([]byte, error) {
	packedHead, err := Gzip(head)
	if err != nil {
		return nil, err
	}
	packedRest, err := Gzip(rest)
	return append(packedHead, bytes.Repeat(packedRest, times)...), err
}

// Gzip packs.
func Gzip(content []byte) ([]byte, error) {
	var buf bytes.Buffer
	w := gzip.NewWriter(&buf)
	if _, err := w.Write(content); err != nil {
		return nil, err
	}
	err := w.Close()
	return buf.Bytes(), err
}

// Endless answers 200 with bytes that do not end; length, if not 0, is what it promises.
func Endless(mediaType string, length int64) Behaviour {
	return func(w http.ResponseWriter, req *http.Request, _ http.Handler) {
		w.Header().Set("Content-Type", mediaType)
		if length > 0 {
			w.Header().Set("Content-Length", fmt.Sprint(length))
		}
		chunk := bytes.Repeat([]byte(" "), 64<<10)
		for req.Context().Err() == nil {
			if _, err := w.Write(chunk); err != nil {
				return
			}
		}
	}
}

// EndlessHeader answers with a header that does not end.
func EndlessHeader() Behaviour {
	return func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		conn, buf, err := http.NewResponseController(w).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		_ = conn.SetWriteDeadline(time.Now().Add(time.Minute))
		_, _ = buf.WriteString("HTTP/1.1 200 OK\r\n")
		for n := 0; ; n++ {
			if _, err := fmt.Fprintf(buf, "X-%d: %s\r\n", n, strings.Repeat("x", 1000)); err != nil {
				return
			}
		}
	}
}

// Encoded says that a good answer is packed once more, and packs it.
func Encoded() Behaviour {
	return func(w http.ResponseWriter, req *http.Request, next http.Handler) {
		a := ask(next, req)
		packed, err := Gzip(a.body.Bytes())
		if err != nil {
			refuse(w, http.StatusInternalServerError)
			return
		}
		a.header.Set("Content-Encoding", "gzip")
		a.send(w, packed)
	}
}

// EndlessToken asks for a login at a place that gives a token without an end.
func EndlessToken(at string) Behaviour {
	return func(w http.ResponseWriter, req *http.Request, next http.Handler) {
		if strings.HasPrefix(req.URL.Path, tokenPath) {
			Endless("application/json", 0)(w, req, next)
			return
		}
		w.Header().Set("WWW-Authenticate", fmt.Sprintf(`Bearer realm="%s%s",service="registry"`, at, tokenPath))
		refuse(w, http.StatusUnauthorized)
	}
}
