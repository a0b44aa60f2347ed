// A network namespace with lines to the host: an office, as far as a browser can tell.

import { execFileSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const CHROMIUM = process.env.CHROMIUM ?? "/usr/bin/chromium";
const run = (program, ...words) => execFileSync(program, words, { stdio: "pipe" });
let count = 0;

/** Interface names have at most 15 letters. */
const label = (kind) => `n${kind}${process.pid}x${(count += 1)}`;

export class Office {
  #folder = mkdtempSync(join(tmpdir(), "nhipcau-office-"));
  #lines = [];

  /** Why offices cannot be built here, or undefined. */
  static obstacle() {
    const name = label("t");
    try {
      run("ip", "netns", "add", name);
      run("ip", "netns", "exec", name, "nft", "list", "ruleset");
      return undefined;
    } catch (error) {
      return `network namespaces and nft are needed: ${String(error.stderr ?? error).trim()}`;
    } finally {
      try {
        run("ip", "netns", "del", name);
      } catch {
        // was never made
      }
    }
  }

  constructor() {
    this.name = label("o");
    run("ip", "netns", "add", this.name);
    run("ip", "-n", this.name, "link", "set", "lo", "up");
  }

  /** A line whose ends have the addresses `host` and `guest` (with prefix length); not up yet in the office. */
  line(host, guest) {
    const [outside, inside] = [label("h"), label("g")];
    run("ip", "link", "add", outside, "type", "veth", "peer", "name", inside, "netns", this.name);
    // Without waiting for duplicate addresses to be looked for.
    const lasting = host.includes(":") ? ["nodad"] : [];
    run("ip", "addr", "add", host, "dev", outside, ...lasting);
    run("ip", "link", "set", outside, "up");
    this.#lines.push(outside);
    return { outside, inside, gateway: host.split("/")[0], guest, lasting };
  }

  /** Brings a line up, as the way to everywhere. */
  up({ inside, gateway, guest, lasting }) {
    const family = guest.includes(":") ? "-6" : "-4";
    run("ip", "-n", this.name, "addr", "replace", guest, "dev", inside, ...lasting);
    run("ip", "-n", this.name, "link", "set", inside, "up");
    run("ip", "-n", this.name, family, "route", "replace", "default", "via", gateway, "dev", inside);
  }

  /** Takes a line down; its address goes with it, as a cable's that is pulled. */
  down({ inside }) {
    run("ip", "-n", this.name, "link", "set", inside, "down");
    run("ip", "-n", this.name, "addr", "flush", "dev", inside);
  }

  /** Gives a line another address within its network, as a lease that ends. Returns the line as it is now. */
  renumber(line, guest) {
    run("ip", "-n", this.name, "addr", "flush", "dev", line.inside);
    const renumbered = { ...line, guest };
    this.up(renumbered);
    return renumbered;
  }

  /** What the office's firewall drops of what leaves it: an nft condition, such as `meta l4proto udp`. */
  forbid(condition) {
    const rules = `table inet office {\n chain out {\n type filter hook output priority 0\n oifname "lo" accept\n ${condition} drop\n }\n}\n`;
    execFileSync("ip", ["netns", "exec", this.name, "nft", "-f", "-"], { input: rules, stdio: "pipe" });
  }

  /** Loses `percent` of the datagrams both ways on a line that is up, each by itself: the host cuts its bundles before they are on the line. */
  lose({ outside }, percent) {
    run("ip", "link", "set", outside, "gso_max_segs", "1");
    const lost = `meta l4proto udp numgen random mod 100 < ${percent} drop`;
    const rules = `table inet office {
      chain into { type filter hook input priority 0; iifname != "lo" ${lost}; }
      chain out { type filter hook output priority 0; oifname != "lo" ${lost}; }
    }`;
    execFileSync("ip", ["netns", "exec", this.name, "nft", "-f", "-"], { input: rules, stdio: "pipe" });
  }

  /** Lets everything out again. */
  allow() {
    run("ip", "netns", "exec", this.name, "nft", "flush", "ruleset");
  }

  /** A program that starts Chromium in here. */
  get chromium() {
    const path = join(this.#folder, "chromium");
    writeFileSync(path, `#!/bin/sh\nexec ip netns exec ${this.name} ${CHROMIUM} "$@"\n`);
    chmodSync(path, 0o755);
    return path;
  }

  remove() {
    for (const words of [...this.#lines.map((name) => ["link", "del", name]), ["netns", "del", this.name]]) {
      try {
        run("ip", ...words);
      } catch {
        // went with its other end
      }
    }
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
