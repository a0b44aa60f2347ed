import { useMemo, useState } from "preact/hooks";
import type { Site } from "../api.ts";
import { d } from "../i18n/desk.ts";
import { Button, Empty, HealthMark, Name } from "../ui/basics.tsx";
import { Check, FilterBox } from "../ui/forms.tsx";
import { type Node, flat, pruned, treeOf } from "../sites_tree.ts";

interface PickerProps {
  sites: Site[];
  chair: string;
  chosen: ReadonlySet<string>;
  choose: (chosen: Set<string>) => void;
}

/** The tree of sites with a box each; a filter; all that is shown at once. */
export function SitePicker({ sites, chair, chosen, choose }: PickerProps) {
  const [query, setQuery] = useState("");
  const tree = useMemo(() => treeOf(sites), [sites]);
  const rows = flat(pruned(tree, query));
  const selectable = rows.filter((row) => row.site.id !== chair);
  const set = (ids: string[], on: boolean) => {
    const next = new Set(chosen);
    for (const id of ids) {
      if (on && id !== chair) next.add(id);
      else next.delete(id);
    }
    choose(next);
  };
  if (sites.length === 0) return <Empty title={d("who.empty")}>{d("who.empty.sub")}</Empty>;
  const all = selectable.length > 0 && selectable.every((row) => chosen.has(row.site.id));
  return (
    <div class="picker" data-test="site-picker">
      <div class="picker-tools">
        <FilterBox value={query} onInput={setQuery} placeholder={d("who.filter")} test="site-filter" />
        <b class="num" data-test="chosen-count">{d("who.chosen", { n: [...chosen].filter((id) => id !== chair).length })}</b>
        {chosen.size > 0 && <Button kind="quiet" test="choose-none" onClick={() => choose(new Set())}>{d("who.none_left")}</Button>}
      </div>
      {rows.length === 0
        ? <p class="quiet picker-none">{d("who.no_match")}</p>
        : (
          <>
            <div class="picker-all">
              <Check checked={all} mixed={!all && selectable.some((row) => chosen.has(row.site.id))} onChange={(on) => set(selectable.map((row) => row.site.id), on)} test="choose-all">
                {d("who.all", { n: selectable.length })}
              </Check>
            </div>
            <ul class="picker-rows">{rows.map((row) => <Row key={row.site.id} node={row} chair={chair} chosen={chosen} set={set} />)}</ul>
          </>
        )}
    </div>
  );
}

function Row({ node, chair, chosen, set }: { node: Node; chair: string; chosen: ReadonlySet<string>; set: (ids: string[], on: boolean) => void }) {
  const { site } = node;
  const below = flat(node.below).map((one) => one.site.id);
  return (
    <li class={`picker-row depth-${Math.min(node.depth, 6)}`}>
      {site.id === chair
        ? <span class="picker-chair"><Name>{site.name}</Name> <span class="tag live">{d("who.chairs")}</span></span>
        : <Check checked={chosen.has(site.id)} onChange={(on) => set([site.id], on)} test={`site-${site.id}`}><Name>{site.name}</Name></Check>}
      {site.health !== "ok" && <HealthMark health={site.health} />}
      {below.length > 0 && <Button kind="quiet" test={`below-${site.id}`} onClick={() => set([site.id, ...below], !below.every((id) => chosen.has(id)))}>{d("who.with_below")} ({below.length})</Button>}
    </li>
  );
}
