package npm

import (
	"context"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path"
	"path/filepath"

	"github.com/rogpeppe/go-internal/lockedfile"
)

// folders holds the definitions of all servers. Files are named one by one so that packages
// installed by hand beside them are never embedded.
//
//go:embed */package.json */package-lock.json */server.mjs
var folders embed.FS

// install puts a server's packages and script into the cache, unless they are there, and
// returns the script's path. Test processes that ask at the same time wait for each other.
func install(ctx context.Context, folder string) (script string, err error) {
	dir, err := cacheDir(folder)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(filepath.Dir(dir), 0o755); err != nil {
		return "", fmt.Errorf("cache folder: %w", err)
	}
	unlock, err := lockedfile.MutexAt(dir + ".lock").Lock()
	if err != nil {
		return "", fmt.Errorf("lock: %w", err)
	}
	defer unlock()
	if err := packages(ctx, folder, dir); err != nil {
		return "", err
	}
	return place(folder, dir)
}

// cacheDir is named for the lock file's contents, so that new versions are new folders.
func cacheDir(folder string) (string, error) {
	base, err := os.UserCacheDir()
	if err != nil {
		base = os.TempDir() // no home: a build container
	}
	sum := sha256.New()
	for _, name := range []string{"package.json", "package-lock.json"} {
		raw, err := folders.ReadFile(path.Join(folder, name))
		if err != nil {
			return "", fmt.Errorf("definition: %w", err)
		}
		sum.Write(raw)
	}
	return filepath.Join(base, "idpbridge-sinktest", folder+"-"+hex.EncodeToString(sum.Sum(nil)[:6])), nil
}

// packages runs `npm ci`. Its completion is marked by a file, so that a broken installation
// is done again.
func packages(ctx context.Context, folder, dir string) error {
	done := filepath.Join(dir, ".installed")
	if _, err := os.Stat(done); err == nil {
		return nil
	} else if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("cache folder: %w", err)
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return fmt.Errorf("cache folder: %w", err)
	}
	for _, name := range []string{"package.json", "package-lock.json"} {
		if err := copyFile(path.Join(folder, name), filepath.Join(dir, name)); err != nil {
			return err
		}
	}
	cmd := exec.CommandContext(ctx, "npm", "ci", "--ignore-scripts", "--omit=optional", "--omit=dev", "--no-audit", "--no-fund", "--no-update-notifier")
	cmd.Dir = dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("npm ci: %w\n%s", err, out)
	}
	if err := os.WriteFile(done, nil, 0o644); err != nil {
		return fmt.Errorf("cache folder: %w", err)
	}
	return nil
}

// place writes the script under a name of its contents: another checkout may be running
// another version of it.
func place(folder, dir string) (string, error) {
	raw, err := folders.ReadFile(path.Join(folder, "server.mjs"))
	if err != nil {
		return "", fmt.Errorf("definition: %w", err)
	}
	sum := sha256.Sum256(raw)
	script := filepath.Join(dir, "server-"+hex.EncodeToString(sum[:6])+".mjs")
	if err := os.WriteFile(script, raw, 0o644); err != nil {
		return "", fmt.Errorf("script: %w", err)
	}
	return script, nil
}

func copyFile(from, to string) error {
	raw, err := folders.ReadFile(from)
	if err != nil {
		return fmt.Errorf("definition: %w", err)
	}
	if err := os.WriteFile(to, raw, 0o644); err != nil {
		return fmt.Errorf("cache folder: %w", err)
	}
	return nil
}
