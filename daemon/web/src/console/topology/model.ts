import type { Health, LinkRow, Topology, TopologyDevice, TopologySite } from "../../api.ts";
import { byName } from "../../format.ts";
import { withoutStaleLoad } from "../link_load.ts";

/** Something that is drawn: a site (with what is folded into it), a device of an opened site, or somebody whom nobody watches. */
export interface Spot {
  id: string;
  kind: "site" | "device" | "unknown" | "rack";
  name: string;
  health: Health;
  /** Sites folded into it, and how many of these are ill. */
  folded: number;
  ill: number;
  /** Whether there are sites below that can be folded in or out. */
  folds: boolean;
  open: boolean;
  rack?: string;
  x: number;
  y: number;
}

/** All links between two spots; none where a site merely belongs to another. */
export interface Road {
  id: string;
  ends: [string, string];
  links: LinkRow[];
  health: Health;
  load?: number;
}

/** A line of the list: a spot, how deep it stands, and the road over which it reaches what is above. */
export interface Row {
  spot: Spot;
  depth: number;
  road?: Road;
}

export interface Picture {
  spots: Map<string, Spot>;
  roads: Road[];
  rows: Row[];
  /** Devices that are left out because no rack is declared. */
  without: number;
}

const RANK: Record<Health, number> = { ok: 0, unknown: 1, degraded: 2, critical: 3 };
const COLUMN = 330;
const LINE = 42;

export function worst(all: Iterable<Health>): Health {
  let found: Health = "ok";
  for (const health of all) if (RANK[health] > RANK[found]) found = health;
  return found;
}

const isIll = (health: Health) => RANK[health] >= RANK.degraded;

/** The tree of sites with what is asked of it again and again. */
export class Province {
  readonly sites: Map<string, TopologySite>;
  readonly devices: Map<string, TopologyDevice>;
  readonly links: Map<string, LinkRow>;
  readonly children = new Map<string, TopologySite[]>();
  readonly roots: TopologySite[] = [];

  constructor(readonly topology: Topology) {
    this.sites = new Map(topology.sites.map((site) => [site.id, site]));
    this.devices = new Map(topology.devices.map((device) => [device.id, device]));
    this.links = new Map(topology.links.map((link) => [link.id, withoutStaleLoad(link)]));
    for (const site of [...topology.sites].sort((a, b) => byName(a.name, b.name))) {
      const parent = site.parent !== undefined && this.sites.has(site.parent) ? site.parent : undefined;
      if (parent === undefined) this.roots.push(site);
      else this.children.set(parent, [...(this.children.get(parent) ?? []), site]);
    }
  }

  /** The site and those above it, the root first. A tree that goes round is cut. */
  chain(id: string): TopologySite[] {
    const chain: TopologySite[] = [];
    for (let site = this.sites.get(id); site && chain.length < 64 && !chain.includes(site); site = site.parent === undefined ? undefined : this.sites.get(site.parent)) chain.unshift(site);
    return chain;
  }

  /** All sites below. */
  below(id: string): TopologySite[] {
    const found: TopologySite[] = [];
    const open = [...(this.children.get(id) ?? [])];
    while (open.length > 0 && found.length < this.sites.size) {
      const site = open.pop()!;
      found.push(site);
      open.push(...(this.children.get(site.id) ?? []));
    }
    return found;
  }

  devicesOf(site: string): TopologyDevice[] {
    return this.topology.devices.filter((device) => device.site === site);
  }
}

/** What is opened: sites that show the sites below them, and sites that show their devices. */
export interface Opened {
  sites: ReadonlySet<string>;
  devices: ReadonlySet<string>;
}

/** The picture by site. */
export function bySite(province: Province, opened: Opened): Picture {
  const spots = new Map<string, Spot>();
  /** The site that stands for this one: the first on the way down that does not show what is below. */
  const shownSite = (id: string): TopologySite | undefined => {
    const chain = province.chain(id);
    return chain.find((site, n) => n === chain.length - 1 || !opened.sites.has(site.id));
  };
  const spotOf = (deviceId: string): string | undefined => {
    const device = province.devices.get(deviceId);
    if (!device) return undefined;
    const site = device.site === undefined ? undefined : shownSite(device.site);
    return site && !(site.id === device.site && opened.devices.has(site.id)) ? `s:${site.id}` : `d:${device.id}`;
  };
  for (const site of province.sites.values()) {
    if (shownSite(site.id) !== site) continue;
    const below = opened.sites.has(site.id) ? [] : province.below(site.id);
    const shows = opened.devices.has(site.id);
    if (shows) for (const device of province.devicesOf(site.id)) spots.set(`d:${device.id}`, deviceSpot(device));
    if (shows && province.devicesOf(site.id).length > 0) continue;
    spots.set(`s:${site.id}`, {
      id: `s:${site.id}`, kind: "site", name: site.name, x: 0, y: 0,
      health: worst([site.health, ...below.map((one) => one.health)]),
      folded: below.length, ill: below.filter((one) => isIll(one.health)).length,
      folds: (province.children.get(site.id)?.length ?? 0) > 0, open: opened.sites.has(site.id),
    });
  }
  for (const device of province.devices.values()) {
    const id = spotOf(device.id);
    if (id !== undefined && !spots.has(id) && id.startsWith("d:")) spots.set(id, deviceSpot(device));
  }
  const roads = new Map<string, Road>();
  const join = (a: string | undefined, b: string | undefined, link?: LinkRow) => {
    if (a === undefined || b === undefined || a === b || !spots.has(a) || !spots.has(b)) return;
    const ends: [string, string] = a < b ? [a, b] : [b, a];
    const id = ends.join("~");
    const road = roads.get(id) ?? { id, ends, links: [], health: "ok" as Health };
    if (link) road.links.push(link);
    roads.set(id, road);
  };
  for (const link of province.links.values()) {
    const near = spotOf(link.a.device);
    if (link.b?.device !== undefined) join(near, spotOf(link.b.device), link);
    else if (link.b && near?.startsWith("d:")) {
      const id = `u:${link.id}`;
      spots.set(id, { id, kind: "unknown", name: link.b.name || link.b.interface, health: "unknown", folded: 0, ill: 0, folds: false, open: false, x: 0, y: 0 });
      join(near, id, link);
    }
  }
  const joined = new Set([...roads.values()].flatMap((road) => road.ends));
  for (const site of province.sites.values()) {
    const own = `s:${site.id}`;
    if (!spots.has(own) || joined.has(own)) continue;
    // Without a device of its own it hangs on the port that its line begins at, else on the site above.
    const line = site.path[0] === undefined ? undefined : province.links.get(site.path[0]);
    const above = line ? spotOf(line.a.device) : undefined;
    if (above !== undefined && above !== own) join(own, above, line);
    else if (site.parent !== undefined) join(own, standsFor(site.parent, province, spots, shownSite));
  }
  return draw(spots, [...roads.values()], hub(province, spotOf, spots));
}

function standsFor(site: string, province: Province, spots: Map<string, Spot>, shownSite: (id: string) => TopologySite | undefined): string | undefined {
  const shown = shownSite(site);
  if (!shown) return undefined;
  if (spots.has(`s:${shown.id}`)) return `s:${shown.id}`;
  const device = province.devicesOf(shown.id)[0];
  return device && `d:${device.id}`;
}

function deviceSpot(device: TopologyDevice): Spot {
  return { id: `d:${device.id}`, kind: "device", name: device.name, health: device.health, folded: 0, ill: 0, folds: false, open: false, rack: device.rack, x: 0, y: 0 };
}

/** Where most ways end: the picture grows from there. */
function hub(province: Province, spotOf: (device: string) => string | undefined, spots: Map<string, Spot>): string | undefined {
  const votes = new Map<string, number>();
  for (const site of province.sites.values()) {
    const last = province.links.get(site.path[site.path.length - 1] ?? "");
    if (!last) continue;
    for (const device of [last.a.device, last.b?.device]) {
      const spot = device === undefined ? undefined : spotOf(device);
      if (spot !== undefined && spots.has(spot)) votes.set(spot, (votes.get(spot) ?? 0) + 1);
    }
  }
  return [...votes].sort((a, b) => b[1] - a[1] || (a[0] < b[0] ? -1 : 1))[0]?.[0];
}

/** Places the spots as a tree that grows to the right, in an order that only names decide: what changes health stays where it is. */
function draw(spots: Map<string, Spot>, roads: Road[], root: string | undefined): Picture {
  const beside = new Map<string, Road[]>();
  for (const road of roads) {
    road.health = worst(road.links.map((link) => link.health));
    const loads = road.links.map((link) => link.load_percent).filter((load) => load !== undefined);
    if (loads.length > 0) road.load = Math.max(...loads);
    for (const end of road.ends) beside.set(end, [...(beside.get(end) ?? []), road]);
  }
  const rows: Row[] = [];
  const names = [...spots.values()].sort((a, b) => byName(a.name, b.name) || (a.id < b.id ? -1 : 1)).map((spot) => spot.id);
  const order = new Map(names.map((id, n) => [id, n]));
  const children = new Map<string, { id: string; road: Road }[]>();
  const seen = new Set<string>();
  const tops: string[] = [];
  for (const start of root === undefined ? names : [root, ...names]) {
    if (seen.has(start)) continue;
    tops.push(start);
    seen.add(start);
    const queue = [start];
    for (let at = queue.shift(); at !== undefined; at = queue.shift()) {
      const here = at;
      const next = (beside.get(here) ?? [])
        .map((road) => ({ id: road.ends[0] === here ? road.ends[1] : road.ends[0], road }))
        .filter(({ id }) => !seen.has(id) && (seen.add(id), true))
        .sort((a, b) => order.get(a.id)! - order.get(b.id)!);
      children.set(here, next);
      queue.push(...next.map(({ id }) => id));
    }
  }
  let line = 0;
  const place = (id: string, depth: number, road?: Road): number => {
    const spot = spots.get(id)!;
    rows.push({ spot, depth, road });
    const ys = (children.get(id) ?? []).map((child) => place(child.id, depth + 1, child.road));
    spot.x = depth * COLUMN;
    spot.y = ys.length === 0 ? line++ * LINE : (ys[0]! + ys[ys.length - 1]!) / 2;
    return spot.y;
  };
  for (const top of tops) place(top, 0);
  return { spots, roads, rows, without: 0 };
}

/** The picture by rack: a column a rack, the highest unit on top. Devices without a rack are left out and counted. */
export function byRack(province: Province): Picture {
  const racks = new Map<string, TopologyDevice[]>();
  for (const device of province.devices.values()) {
    if (device.rack === undefined) continue;
    const key = `${device.site ?? ""}\n${device.rack}`;
    racks.set(key, [...(racks.get(key) ?? []), device]);
  }
  const spots = new Map<string, Spot>();
  const rows: Row[] = [];
  [...racks].sort((a, b) => byName(a[0], b[0])).forEach(([key, devices], column) => {
    const [site, name] = key.split("\n") as [string, string];
    const title = [name, province.sites.get(site)?.name].filter(Boolean).join(" · ");
    const head = `r:${column}`;
    spots.set(head, { id: head, kind: "rack", name: title, health: "ok", folded: 0, ill: 0, folds: false, open: false, x: column * COLUMN, y: -1.4 * LINE });
    devices.sort((a, b) => (b.unit ?? 0) - (a.unit ?? 0) || byName(a.name, b.name)).forEach((device, line) => {
      const spot = { ...deviceSpot(device), rack: device.unit === undefined ? title : `${title} · U${device.unit}`, x: column * COLUMN, y: line * LINE };
      spots.set(spot.id, spot);
      rows.push({ spot, depth: 0 });
    });
  });
  const roads = new Map<string, Road>();
  for (const link of province.links.values()) {
    const [a, b] = [`d:${link.a.device}`, `d:${link.b?.device}`].sort() as [string, string];
    if (a === b || !spots.has(a) || !spots.has(b)) continue;
    const id = `${a}~${b}`;
    const road: Road = roads.get(id) ?? { id, ends: [a, b], links: [], health: "ok" };
    road.links.push(link);
    road.health = worst(road.links.map((one) => one.health));
    if (link.load_percent !== undefined) road.load = Math.max(road.load ?? 0, link.load_percent);
    roads.set(id, road);
  }
  return { spots, roads: [...roads.values()], rows, without: province.devices.size - rows.length };
}

/** Roads and spots on the way of a site. */
export function wayOf(province: Province, picture: Picture, site: string): { roads: Set<string>; spots: Set<string> } {
  const path = new Set(province.sites.get(site)?.path);
  const roads = new Set<string>();
  const spots = new Set<string>();
  for (const road of picture.roads) {
    if (!road.links.some((link) => path.has(link.id))) continue;
    roads.add(road.id);
    for (const end of road.ends) spots.add(end);
  }
  return { roads, spots };
}
