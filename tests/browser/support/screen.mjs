// A screen of its own for programs that want one: an X server without hardware.

import { spawn } from "node:child_process";
import { existsSync } from "node:fs";

const XVFB = "/usr/bin/Xvfb";

export class Screen {
  #server;
  /** As in `DISPLAY`. */
  name;

  /** Why there can be none here. */
  static obstacle() {
    return existsSync(XVFB) ? undefined : `${XVFB} is not there (Debian package xvfb)`;
  }

  /** Begins, and chooses a number that nobody has. */
  async up(width, height) {
    this.#server = spawn(XVFB, ["-displayfd", "3", "-screen", "0", `${width}x${height}x24`, "-nolisten", "tcp", "-noreset"], { stdio: ["ignore", "ignore", "ignore", "pipe"] });
    const number = await new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.once("exit", (code) => reject(new Error(`the X server ended with ${code}`)));
      this.#server.stdio[3].once("data", (bytes) => resolve(String(bytes).trim()));
    });
    this.#server.removeAllListeners("exit");
    this.name = `:${number}`;
  }

  async remove() {
    if (!this.#server || this.#server.exitCode !== null) return;
    const ended = new Promise((resolve) => this.#server.once("exit", resolve));
    this.#server.kill();
    await ended;
  }
}
