import { useMemo, useState } from "preact/hooks";
import type { DeviceRow, Site } from "../api.ts";
import { type Node, flat, pruned, treeOf } from "../sites_tree.ts";
import { rate } from "../format.ts";
import { common } from "../i18n/common.ts";
import { siteKind, t } from "../i18n/console.ts";
import { useResource } from "../resource.ts";
import { Link, useQuery } from "../router.tsx";
import { may } from "../session.ts";
import { Button, Empty, Failure, HealthMark, Loading, Name, PageHead, Panel, Reasons } from "../ui/basics.tsx";
import { FilterBox } from "../ui/forms.tsx";
import { HealthFilter } from "./health_filter.tsx";
import { MaintenanceMark } from "./maintenance_mark.tsx";
import { SiteForm } from "./site_form.tsx";

type Editing = { site?: Site; parent?: string } | null;

/** The tree of sites: how each is, over which line it is reached, whom to call. */
export function Sites() {
  const sites = useResource<Site[]>("/sites", ["sites"]);
  const devices = useResource<DeviceRow[]>("/devices");
  const names = useMemo(() => new Map(devices.data?.map((one) => [one.id, one.name])), [devices.data]);
  const [query, setQuery] = useQuery("tim");
  const [health, setHealth] = useQuery("tinh-trang");
  const [editing, edit] = useState<Editing>(null);
  const [folded, setFolded] = useState<ReadonlySet<string>>(new Set());
  const all = sites.data;
  const tree = useMemo(() => treeOf(all ?? []), [all]);
  const narrowed = health === "" ? pruned(tree, query) : pruned(tree, query).flatMap((node) => inHealth(node, health));
  const open = query === "" && health === "" ? unfolded(narrowed, folded) : flat(narrowed);
  const toggle = (id: string) => {
    const next = new Set(folded);
    if (!next.delete(id)) next.add(id);
    setFolded(next);
  };
  return (
    <>
      <PageHead title={t("sites.title")} sub={all && t("sites.sub", { n: all.length })}>
        {may("operate") && <Button kind="primary" test="add-site" onClick={() => edit({})}>{t("sites.add")}</Button>}
      </PageHead>
      {!all
        ? sites.error ? <Failure error={sites.error} retry={sites.reload} /> : <Loading rows={8} />
        : all.length === 0
          ? <Panel><Empty title={t("sites.none")}>{t("sites.none.sub")}</Empty></Panel>
          : (
            <>
              <div class="toolbar">
                <FilterBox value={query} onInput={setQuery} placeholder={t("sites.filter")} />
                <HealthFilter rows={all} value={health} onChange={setHealth} />
              </div>
              <Panel flush>
                {open.length === 0
                  ? <Empty title={t("sites.no_match")}><Button onClick={() => { setQuery(""); setHealth(""); }}>{t("devices.clear")}</Button></Empty>
                  : (
                    <ul class="site-tree" data-test="sites">
                      {open.map((node) => <SiteRow key={node.site.id} node={node} folded={folded.has(node.site.id)} toggle={toggle} edit={edit} names={names} />)}
                    </ul>
                  )}
              </Panel>
            </>
          )}
      {editing && all && (
        <SiteForm
          key={editing.site?.id ?? "new"}
          site={editing.site}
          parent={editing.parent}
          sites={all}
          close={() => edit(null)}
          done={() => { edit(null); sites.reload(); }}
        />
      )}
    </>
  );
}

function inHealth(node: Node, health: string): Node[] {
  const below = node.below.flatMap((one) => inHealth(one, health));
  return node.site.health === health || below.length > 0 ? [{ ...node, below }] : [];
}

function unfolded(nodes: readonly Node[], folded: ReadonlySet<string>): Node[] {
  return nodes.flatMap((node) => [node, ...(folded.has(node.site.id) ? [] : unfolded(node.below, folded))]);
}

function SiteRow({ node, folded, toggle, edit, names }: { names: ReadonlyMap<string, string>; node: Node; folded: boolean; toggle: (id: string) => void; edit: (editing: Editing) => void }) {
  const { site } = node;
  const below = flat(node.below).length;
  return (
    <li class={`site-row depth-${Math.min(node.depth, 6)} row-${site.health}`} data-test="site" data-site={site.id}>
      {below > 0
        ? (
          <button type="button" class="fold" aria-expanded={!folded} aria-label={t(folded ? "sites.open" : "sites.fold", { name: site.name })} onClick={() => toggle(site.id)}>
            <svg viewBox="0 0 16 16" aria-hidden="true"><path d={folded ? "m6 3.5 4.5 4.5L6 12.5" : "m3.5 6 4.5 4.5L12.5 6"} fill="none" stroke="currentColor" stroke-width="1.8" stroke-linecap="round" /></svg>
          </button>
        )
        : <span class="fold" />}
      <div class="site-main">
        <p><b><Name>{site.name}</Name></b> <span class="tag">{siteKind(site.kind)}</span>{folded && below > 0 && <span class="quiet small"> {t("sites.below", { n: below })}</span>}</p>
        <p class="quiet small site-facts">
          {site.agency_code && <span class="mono"><Name>{site.agency_code}</Name></span>}
          {site.uplink && <span>{t("site.uplink")}: <Link href={`/thiet-bi/${encodeURIComponent(site.uplink.device)}?cong=${encodeURIComponent(site.uplink.interface)}`}><Name>{names.get(site.uplink.device) ?? site.uplink.device}</Name> <Name>{site.uplink.interface}</Name></Link></span>}
          {site.capacity_bps !== undefined && <span class="num">{rate(site.capacity_bps)}</span>}
          {site.phone && <a class="num" href={`tel:${site.phone.replace(/[^+\d]/g, "")}`}><Name>{site.phone}</Name></a>}
        </p>
      </div>
      <div class="site-health"><HealthMark health={site.health} /> <MaintenanceMark window={site.maintenance} /><Reasons reasons={site.reasons} /></div>
      {may("operate") && (
        <div class="site-acts">
          <Button kind="quiet" test="edit-site" onClick={() => edit({ site })}>{common("edit")}</Button>
          <Button kind="quiet" test="add-below" label={t("sites.add_below")} onClick={() => edit({ parent: site.id })}>+</Button>
        </div>
      )}
    </li>
  );
}
