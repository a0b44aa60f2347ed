// Builds dist/: one index.html, hashed scripts and styles, nothing inline (the pages run under a strict CSP).
import { build } from "esbuild";
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";

const here = dirname(fileURLToPath(import.meta.url));
const dist = join(here, "dist");
const assets = join(dist, "assets");

// Weak commune PCs load the room over a 10 Mbit/s line; the console may be heavier. Bytes after gzip.
const BUDGETS = { room: 60 * 1024, console: 120 * 1024 };

rmSync(dist, { recursive: true, force: true });
mkdirSync(assets, { recursive: true });

const result = await build({
  absWorkingDir: here,
  entryPoints: { main: "src/main.ts", app: "src/style/app.css" },
  outdir: assets,
  bundle: true,
  splitting: true,
  format: "esm",
  minify: true,
  metafile: true,
  target: ["chrome94", "firefox110", "safari15.4"],
  jsx: "automatic",
  jsxImportSource: "preact",
  charset: "utf8",
  entryNames: "[name]-[hash]",
  chunkNames: "[name]-[hash]",
  legalComments: "none",
  logLevel: "warning",
});

const outputs = result.metafile.outputs;
const produced = (source) =>
  Object.entries(outputs).find(([, output]) => output.entryPoint === source)?.[0] ?? fail(`no output for ${source}`);
const script = produced("src/main.ts");
const style = produced("src/style/app.css");
const base = (path) => path.slice(path.lastIndexOf("/") + 1);

const icon = readFileSync(join(here, "src/style/icon.svg"));
const iconName = `icon-${createHash("sha256").update(icon).digest("hex").slice(0, 8)}.svg`;
writeFileSync(join(assets, iconName), icon);

writeFileSync(
  join(dist, "index.html"),
  `<!doctype html>
<html lang="vi">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>Nhịp Cầu</title>
<link rel="icon" href="/assets/${iconName}" type="image/svg+xml">
<link rel="stylesheet" href="/assets/${base(style)}">
<script type="module" src="/assets/${base(script)}"></script>
</head>
<body>
<div id="app"></div>
<noscript>Trang này cần JavaScript. · This page needs JavaScript.</noscript>
</body>
</html>
`,
);

// What a page loads: the entry, its static imports, and the lazy part named.
function weigh(part) {
  const seen = new Set();
  const visit = (path) => {
    if (seen.has(path)) return;
    seen.add(path);
    for (const next of outputs[path].imports) if (next.kind === "import-statement") visit(next.path);
  };
  visit(script);
  visit(produced(part));
  return [...seen].reduce((sum, path) => sum + gzipSync(readFileSync(join(here, path))).length, 0);
}

const css = gzipSync(readFileSync(join(here, style))).length;
const weights = { room: weigh("src/room/main.tsx"), console: weigh("src/console/main.tsx") };
for (const [page, bytes] of Object.entries(weights)) {
  console.log(`${page}: ${(bytes / 1024).toFixed(1)} KiB gzip of ${BUDGETS[page] / 1024} (+ ${(css / 1024).toFixed(1)} KiB styles)`);
  if (bytes > BUDGETS[page]) fail(`${page} is over its budget`);
}
// Drawn by one page only, and loaded by it alone.
const drawing = Object.entries(outputs).find(([, output]) => Object.keys(output.inputs).some((input) => input.includes("cytoscape")))?.[0] ?? fail("no chunk with the graph library");
console.log(`so-do: ${(gzipSync(readFileSync(join(here, drawing))).length / 1024).toFixed(1)} KiB gzip more for the graph library`);
console.log(`${readdirSync(assets).length} assets in dist/assets`);

function fail(message) {
  console.error(`build: ${message}`);
  process.exit(1);
}
