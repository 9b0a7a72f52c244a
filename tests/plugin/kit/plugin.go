package main

import (
	"fmt"
	"os"
	"path/filepath"
)

// copyPlugin makes copies of the modules and of the library, where the user that
// the mail belongs to can read them wherever they were built.
func (w *world) copyPlugin() error {
	if w.o.modules == "" {
		return nil
	}
	w.modules = filepath.Join(w.dir, "modules")
	w.library = filepath.Join(w.dir, "library")
	for _, dir := range []string{w.modules, w.library} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
	}
	modules, err := filepath.Glob(w.o.modules + "/lib*_plugin.so")
	if err != nil || len(modules) == 0 {
		return fmt.Errorf("there is no plugin in %s", w.o.modules)
	}
	library, err := filepath.Glob(w.o.library + "/libdbox_aio*.so.1")
	if err != nil || len(library) != 2 {
		return fmt.Errorf("%s should have libdbox_aio.so.1 and its core: %q",
			w.o.library, library)
	}
	for _, path := range modules {
		if err := copyFile(path, w.modules); err != nil {
			return err
		}
	}
	for _, path := range library {
		if err := copyFile(path, w.library); err != nil {
			return err
		}
	}
	return nil
}

// copyFile copies what a path leads to into a folder.
func copyFile(path, dir string) error {
	data, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, filepath.Base(path)), data, 0o755)
}
