// A camera that shows one colour with a bar that moves: who is seen can be read from pixels.

import { existsSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const [WIDTH, HEIGHT, FRAMES] = [640, 360, 15];

/** The path of a Y4M film in which the picture is `colour` ([r, g, b], 0–255) and a white bar wanders. */
export function camera(colour) {
  const path = join(tmpdir(), `nhipcau-camera-${process.pid}-${colour.join("-")}.y4m`);
  if (existsSync(path)) return path;
  const [y, u, v] = yuv(colour);
  const chunks = [Buffer.from(`YUV4MPEG2 W${WIDTH} H${HEIGHT} F15:1 Ip A1:1 C420jpeg\n`)];
  for (let frame = 0; frame < FRAMES; frame += 1) {
    const luma = Buffer.alloc(WIDTH * HEIGHT, y);
    const left = Math.floor((frame * WIDTH) / FRAMES);
    for (let row = 0; row < HEIGHT; row += 1) luma.fill(235, row * WIDTH + left, row * WIDTH + Math.min(WIDTH, left + 40));
    chunks.push(Buffer.from("FRAME\n"), luma, Buffer.alloc((WIDTH * HEIGHT) / 4, u), Buffer.alloc((WIDTH * HEIGHT) / 4, v));
  }
  writeFileSync(path, Buffer.concat(chunks));
  return path;
}

/** BT.601, limited range. */
function yuv([r, g, b]) {
  return [16 + 0.257 * r + 0.504 * g + 0.098 * b, 128 - 0.148 * r - 0.291 * g + 0.439 * b, 128 + 0.439 * r - 0.368 * g - 0.071 * b].map(Math.round);
}
