package bundle

import (
	"path/filepath"

	"github.com/evanw/esbuild/pkg/api"
)

// This file has the options of esbuild.

// fileExtensions are those of files that scripts and styles refer to by URL.
var fileExtensions = []string{
	".svg", ".png", ".jpg", ".jpeg", ".jfif", ".gif", ".webp", ".avif", ".ico", ".bmp", ".apng", ".woff", ".woff2", ".ttf", ".otf", ".eot",
	".wasm", ".mp4", ".webm", ".ogg", ".mp3", ".wav", ".flac", ".aac", ".opus", ".mov", ".m4a", ".vtt", ".webmanifest", ".pdf", ".txt",
}

// options returns the options of builds of p in mode, and the loader that they use.
func options(dir, mode string, p plan) (api.BuildOptions, *loader) {
	loaders := map[string]api.Loader{}
	for _, extension := range fileExtensions {
		loaders[extension] = api.LoaderFile
	}
	opts := api.BuildOptions{
		AbsWorkingDir:   dir,
		Outdir:          filepath.Join(dir, "dist"), // only for names; nothing is written
		PublicPath:      "/",
		EntryNames:      "[dir]/[name]",
		ChunkNames:      "assets/[name]-[hash]",
		AssetNames:      "assets/[name]-[hash]",
		Bundle:          true,
		Splitting:       true, // dynamic imports become files
		Format:          api.FormatESModule,
		Platform:        api.PlatformBrowser,
		Target:          api.ES2022,
		Conditions:      []string{"module", mode},
		Loader:          loaders,
		Define:          defines(mode, p.env),
		Tsconfig:        p.tsconfig,
		JSX:             api.JSXAutomatic,
		JSXImportSource: p.jsx,
		Sourcemap:       api.SourceMapLinked,
		Metafile:        true,
		LogLevel:        api.LogLevelSilent,
	}
	if mode == production {
		opts.EntryNames = "assets/[name]-[hash]"
		opts.MinifyWhitespace, opts.MinifySyntax = true, true // minify does the rest
		opts.Sourcemap = api.SourceMapNone
	}
	l := newLoader(dir, mode, p.entries, newWorkers(dir, mode, opts, nil))
	opts.Plugins = []api.Plugin{l.plugin()}
	for _, e := range p.entries {
		opts.EntryPointsAdvanced = append(opts.EntryPointsAdvanced, e.point(mode))
	}
	return opts, l
}
