// The daemon beside its simulated province, as a process.

import { execFile, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { until } from "./wait.mjs";

const run = promisify(execFile);
const here = dirname(fileURLToPath(import.meta.url));
export const BIN = process.env.NHIPCAU_BIN ?? join(here, "../../../target/debug/nhipcau");
export const ACCOUNT = { username: "quantri", display_name: "Nguyễn Thị Minh", password: "cầu treo Trà My 2026" };

/** The lab's addresses are fixed: one daemon of the machine at a time. The same file as the Rust tests'. */
const LOCK = join(tmpdir(), "nhipcau-lab.lock");
const TOKEN = /(?:^|\s)([A-Za-z0-9_-]{22})(?=\s|$)/g;

export class Daemon {
  #child;
  #folder = mkdtempSync(join(tmpdir(), "nhipcau-browser-"));
  #config = join(this.#folder, "nhipcau.yaml");
  #out = "";
  #cookie = "";
  #env;
  #said;

  /** `ip` carries pages and media, `bind` (which may mean all addresses) listens, `announce` are the bridge's; `env` holds the configuration's secrets; `wrap` is argv before the daemon's own, such as `ip netns exec NAME`. */
  constructor(ip, { config = "", env = {}, bind = ip, announce = [ip] } = {}) {
    this.#env = env;
    this.ip = ip;
    this.https = `https://${ip}:18443`;
    this.#said = `https://${bind === ip ? ip : "localhost"}:18443`;
    // Plain HTTP is for loopback only; a daemon elsewhere is spoken to on loopback all the same.
    this.http = `http://${ip.startsWith("127.") ? ip : "127.91.0.1"}:18080`;
    const listen = `listen: {https: "${bind}:18443", http_loopback: "${new URL(this.http).host}", media: {udp: "${bind}:18445", announce: ${JSON.stringify(announce)}}, traps: "127.91.0.1:16162"}`;
    writeFileSync(this.#config, `${listen}\nstate_dir: ${join(this.#folder, "state")}\nrecording: {min_free: 64MiB}\n${config}`);
  }

  async start() {
    this.#child = spawn("flock", ["--no-fork", LOCK, BIN, "run", "--lab", "--config", this.#config], { stdio: ["ignore", "pipe", "pipe"], env: { ...this.#env, PATH: process.env.PATH, HOME: this.#folder } });
    for (const stream of [this.#child.stdout, this.#child.stderr]) stream.on("data", (bytes) => (this.#out += bytes));
    // The turn may take as long as another test binary needs.
    await until("the daemon", async () => {
      if (this.#child.exitCode !== null) throw new Error(`the daemon ended: ${this.#out}`);
      // It is healthy a moment before it says so on its terminal.
      return (await fetch(`${this.http}/healthz`)).ok && this.#out.includes(this.#said);
    }, 120_000);
    return this;
  }

  get log() {
    return this.#out;
  }

  /** The one-time token that the start printed. */
  get token() {
    const found = [...this.#out.matchAll(TOKEN)].at(-1);
    if (!found) throw new Error(`no setup token is printed:\n${this.#out}`);
    return found[1];
  }

  /** Makes the administrator without a browser. */
  async setUp() {
    const { response } = await this.#call("POST", "/setup", { token: this.token, ...ACCOUNT });
    this.#cookie = response.headers.getSetCookie()[0].split(";")[0];
  }

  async signIn() {
    const { response } = await this.#call("POST", "/session", { username: ACCOUNT.username, password: ACCOUNT.password });
    this.#cookie = response.headers.getSetCookie()[0].split(";")[0];
  }

  async get(path) {
    return (await this.#call("GET", path)).body;
  }

  async post(path, input) {
    return (await this.#call("POST", path, input)).body;
  }

  /** The bytes of a download. */
  async download(path) {
    const response = await fetch(`${this.http}/api/v1${path}`, { headers: { cookie: this.#cookie } });
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
    return Buffer.from(await response.arrayBuffer());
  }

  async #call(method, path, input) {
    const headers = { origin: this.http, cookie: this.#cookie };
    if (input !== undefined) headers["content-type"] = "application/json";
    const response = await fetch(`${this.http}/api/v1${path}`, { method, headers, body: input === undefined ? undefined : JSON.stringify(input) });
    const text = await response.text();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
    return { response, body: text === "" ? undefined : JSON.parse(text) };
  }

  /** `nhipcau lab …` */
  async lab(...words) {
    return (await run(BIN, ["lab", ...words, "--config", this.#config])).stdout;
  }

  /** Every device of the province has answered once. */
  async settled() {
    await until("every device answers", async () => (await this.get("/overview")).health.unknown === 0, 60_000);
  }

  /** A booking of which the room is open already. */
  async book(title, chair, sites, minutesFromNow = 2) {
    const at = (minutes) => new Date(Date.now() + minutes * 60_000).toISOString().replace(/\.\d+Z/, "Z");
    const input = { title, starts_at: at(minutesFromNow), ends_at: at(minutesFromNow + 90), chair_site: chair, sites, accept_conflicts: true };
    const { id } = await this.post("/conferences", input);
    return this.get(`/conferences/${id}`);
  }

  /** The address of an invitation's room page over HTTPS. */
  link(conference, site) {
    const invitation = conference.invitations.find((one) => one.site === site);
    const { pathname, hash } = new URL(invitation.link, this.https);
    return this.https + pathname + hash;
  }

  /** Killed in the midst of everything, as by a power cut, and started again. */
  async restart() {
    await this.#kill();
    this.#out = "";
    await this.start();
  }

  async #kill() {
    if (this.#child && this.#child.exitCode === null) {
      const ended = new Promise((resolve) => this.#child.once("exit", resolve));
      this.#child.kill("SIGKILL");
      await ended;
    }
  }

  async stop() {
    await this.#kill();
    rmSync(this.#folder, { recursive: true, force: true, maxRetries: 5 });
  }
}
