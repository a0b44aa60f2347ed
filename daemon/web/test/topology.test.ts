import assert from "node:assert/strict";
import { test } from "node:test";
import type { Health, LinkRow, Topology } from "../src/api.ts";
import { Province, byRack, bySite, wayOf } from "../src/console/topology/model.ts";

const end = (device: string, port: string) => ({ device, name: device, interface: port });

function link(a: [string, string], b: [string, string] | undefined, load: number, health: Health = "ok"): LinkRow {
  return { id: a.join("/"), a: end(...a), b: b && end(...b), source: "declared", sources: ["declared"], capacity_bps: 1e7, load_percent: load, health, reasons: [], sites: [] };
}

const site = (id: string, parent: string | undefined, path: string[], health: Health = "ok") => ({ id, name: id, parent, path, health, reasons: [] });
const device = (id: string, at: string, rack?: string, unit?: number) => ({ id, name: id, kind: "router", site: at, rack, unit, health: "ok" as Health, reasons: [] });

const PROVINCE: Topology = {
  sites: [
    site("tinh", undefined, []),
    site("vung-a", "tinh", ["core/1"]),
    site("xa-1", "vung-a", ["a/1", "core/1"], "critical"),
    site("xa-2", "vung-a", ["a/2", "core/1"]),
    site("vung-b", "tinh", ["core/2"]),
    site("xa-3", "vung-b", []),
  ],
  devices: [device("core", "tinh", "A1", 40), device("fw", "tinh", "A1", 38), device("a", "vung-a"), device("x1", "xa-1"), device("x2", "xa-2"), device("b", "vung-b")],
  links: [link(["core", "1"], ["a", "0"], 40), link(["a", "1"], ["x1", "0"], 0, "critical"), link(["a", "2"], ["x2", "0"], 70), link(["core", "2"], ["b", "0"], 20), link(["core", "3"], ["fw", "0"], 5)],
  conflicts: [],
};

const opened = (sites: string[], devices: string[] = []) => ({ sites: new Set(sites), devices: new Set(devices) });

test("a folded region stands for its communes, with the worst of their states", () => {
  const picture = bySite(new Province(PROVINCE), opened(["tinh"]));
  assert.deepEqual([...picture.spots.keys()].sort(), ["s:tinh", "s:vung-a", "s:vung-b"]);
  const region = picture.spots.get("s:vung-a")!;
  assert.deepEqual([region.health, region.folded, region.ill], ["critical", 2, 1]);
  // The link inside the folded region is not drawn, and none goes from a spot to itself.
  assert.deepEqual(picture.roads.map((road) => road.links.length), [1, 1]);
  assert.deepEqual(picture.rows.map(({ spot, depth }) => [spot.id, depth]), [["s:tinh", 0], ["s:vung-a", 1], ["s:vung-b", 1]]);
});

test("opened sites show what is below and their devices; the way of a site is found", () => {
  const province = new Province(PROVINCE);
  const picture = bySite(province, opened(["tinh", "vung-a", "vung-b"], ["tinh"]));
  assert.ok(picture.spots.has("d:core") && picture.spots.has("d:fw") && !picture.spots.has("s:tinh"));
  const way = wayOf(province, picture, "xa-1");
  assert.deepEqual([...way.spots].sort(), ["d:core", "s:vung-a", "s:xa-1"]);
  // A commune without a device hangs on the site above.
  const road = picture.roads.find(({ ends }) => ends.includes("s:xa-3"))!;
  assert.deepEqual([road.ends, road.links.length], [["s:vung-b", "s:xa-3"], 0]);
});

test("news about health and load moves nothing", () => {
  const before = bySite(new Province(PROVINCE), opened(["tinh", "vung-a"]));
  const worse: Topology = { ...PROVINCE, links: PROVINCE.links.map((one) => ({ ...one, health: "critical", load_percent: 99 })), sites: PROVINCE.sites.map((one) => ({ ...one, health: "critical" })) };
  const after = bySite(new Province(worse), opened(["tinh", "vung-a"]));
  const places = (picture: typeof before) => [...picture.spots.values()].map(({ id, x, y }) => [id, x, y]);
  assert.deepEqual(places(after), places(before));
});

test("racks stand side by side, the highest unit on top", () => {
  const picture = byRack(new Province(PROVINCE));
  assert.deepEqual(picture.rows.map(({ spot }) => spot.id), ["d:core", "d:fw"]);
  assert.ok(picture.spots.get("d:core")!.y < picture.spots.get("d:fw")!.y);
  assert.deepEqual([picture.roads.length, picture.without], [1, 4]);
});

test("a tree of sites that goes round ends", () => {
  const round: Topology = { ...PROVINCE, sites: [site("p", "q", []), site("q", "p", [])] };
  assert.ok(bySite(new Province(round), opened(["p", "q"])).spots.size >= 0);
});
