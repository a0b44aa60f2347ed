// A small SNMPv2c agent: it answers GET, GETNEXT and GETBULK from a list that a test writes.

import { createSocket } from "node:dgram";

const [INTEGER, OCTETS, OID, SEQUENCE] = [0x02, 0x04, 0x06, 0x30];
const [GET, GET_BULK, RESPONSE] = [0xa0, 0xa5, 0xa2];
const END_OF_MIB_VIEW = Buffer.from([0x82, 0]);
const NO_SUCH_OBJECT = Buffer.from([0x80, 0]);

/** A BER value. */
export function ber(tag, content) {
  const length = content.length;
  const head = length < 0x80 ? [tag, length] : [tag, 0x82, length >> 8, length & 0xff];
  return Buffer.concat([Buffer.from(head), content]);
}

export const integer = (number) => ber(INTEGER, Buffer.from([number & 0xff]));
export const octets = (content) => ber(OCTETS, Buffer.from(content));
export const ticks = (number) => ber(0x43, Buffer.from([(number >> 16) & 0x7f, (number >> 8) & 0xff, number & 0xff]));
export const oid = (text) => ber(OID, arcs(text));

function arcs(text) {
  const [first, second, ...rest] = text.split(".").map(Number);
  const out = [first * 40 + second];
  for (const arc of rest) {
    const low = [arc & 0x7f];
    for (let left = arc >>> 7; left > 0; left >>>= 7) low.unshift(0x80 | (left & 0x7f));
    out.push(...low);
  }
  return Buffer.from(out);
}

/** Tag, content and what follows. */
function split(bytes) {
  let [length, at] = [bytes[1], 2];
  if (length >= 0x80) {
    at += length & 0x7f;
    length = bytes.readUIntBE(2, at - 2);
  }
  return { tag: bytes[0], content: bytes.subarray(at, at + length), rest: bytes.subarray(at + length) };
}

function parts(bytes) {
  const out = [];
  for (let rest = bytes; rest.length > 0; ) {
    const part = split(rest);
    out.push(part);
    rest = part.rest;
  }
  return out;
}

/** Serves `rows` ([name, BER value]) on `ip`:`port` until closed. Names compare as their arcs: keep every arc below 128 after `1.3`. */
export async function agent(ip, port, rows) {
  const table = rows.map(([name, value]) => [arcs(name), value]).sort(([a], [b]) => Buffer.compare(a, b));
  const after = (name) => table.find(([own]) => Buffer.compare(own, name) > 0);
  const socket = createSocket("udp4");
  socket.on("message", (datagram, from) => {
    const [version, community, pdu] = parts(split(datagram).content);
    if (version.content[0] !== 1) return;
    const [id, first, second, list] = parts(pdu.content);
    const names = parts(list.content).map((binding) => split(binding.content).content);
    const bindings = [];
    const step = (name) => {
      const [next, value] = after(name) ?? [name, END_OF_MIB_VIEW];
      bindings.push([next, value]);
      return next;
    };
    if (pdu.tag === GET) {
      for (const name of names) bindings.push([name, table.find(([own]) => own.equals(name))?.[1] ?? NO_SUCH_OBJECT]);
    } else if (pdu.tag === GET_BULK) {
      const single = first.content.at(-1);
      names.slice(0, single).forEach(step);
      let walked = names.slice(single);
      for (let row = 0; row < Math.min(second.content.at(-1), 8); row += 1) walked = walked.map(step);
    } else {
      names.forEach(step);
    }
    const body = Buffer.concat(bindings.map(([name, value]) => ber(SEQUENCE, Buffer.concat([ber(OID, name), value]))));
    const answer = Buffer.concat([ber(INTEGER, id.content), integer(0), integer(0), ber(SEQUENCE, body)]);
    const message = Buffer.concat([integer(1), ber(OCTETS, community.content), ber(RESPONSE, answer)]);
    socket.send(ber(SEQUENCE, message), from.port, from.address);
  });
  await new Promise((resolve, reject) => socket.once("error", reject).bind(port, ip, resolve));
  return socket;
}
