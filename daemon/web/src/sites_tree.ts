import type { Site } from "./api.ts";
import { byName } from "./format.ts";
import { matches } from "./search.ts";

export interface Node {
  site: Site;
  depth: number;
  below: Node[];
}

/** The tree of sites, by name. Sites whose parent is unknown, or that sit in a ring, stand at the root: none is lost. */
export function treeOf(sites: readonly Site[]): Node[] {
  const known = new Map(sites.map((site) => [site.id, site]));
  const below = new Map<string | undefined, Site[]>();
  for (const site of sites) {
    const parent = site.parent !== undefined && known.has(site.parent) && !inRing(site, known) ? site.parent : undefined;
    below.set(parent, [...(below.get(parent) ?? []), site]);
  }
  const grow = (parent: string | undefined, depth: number): Node[] =>
    (below.get(parent) ?? [])
      .sort((a, b) => byName(a.name, b.name))
      .map((site) => ({ site, depth, below: grow(site.id, depth + 1) }));
  return grow(undefined, 0);
}

function inRing(site: Site, known: Map<string, Site>): boolean {
  let at = site.parent;
  for (let steps = 0; at !== undefined && steps <= known.size; steps += 1) {
    if (at === site.id) return true;
    at = known.get(at)?.parent;
  }
  return at !== undefined;
}

/** The nodes that match, with the parents above them so that each stands in its place. */
export function pruned(nodes: readonly Node[], query: string): Node[] {
  if (query.trim() === "") return [...nodes];
  return nodes.flatMap((node) => {
    const below = pruned(node.below, query);
    return below.length > 0 || matches(query, node.site.name, node.site.agency_code, node.site.phone, node.site.kind) ? [{ ...node, below }] : [];
  });
}

/** A node and all below it, from the top. */
export function flat(nodes: readonly Node[]): Node[] {
  return nodes.flatMap((node) => [node, ...flat(node.below)]);
}
