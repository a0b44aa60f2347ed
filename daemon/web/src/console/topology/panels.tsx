import type { LinkConflict, LinkRow } from "../../api.ts";
import { percent } from "../../format.ts";
import { t } from "../../i18n/console.ts";
import { Link } from "../../router.tsx";
import { Button, Empty, HealthMark, Name, Panel, Reasons } from "../../ui/basics.tsx";
import type { Picture, Province, Row } from "./model.ts";
import { conflictWords, endWords, loadWords, sourceWords } from "./words.ts";

/** The picture in words: every spot in the order of the tree, with the road that leads to it. */
export function SpotList({ rows, selected, onSelect, onOpen }: { rows: Row[]; selected: string; onSelect: (id: string) => void; onOpen: (id: string) => void }) {
  return (
    <ul class="map-list" data-test="map-list">
      {rows.map(({ spot, depth, road }) => (
        <li key={spot.id} class={spot.id === selected ? "map-row chosen" : "map-row"} style={{ "--depth": Math.min(depth, 6) }} data-spot={spot.id} data-health={spot.health}>
          {spot.folds
            ? <button type="button" class="map-fold" aria-expanded={spot.open} aria-label={t(spot.open ? "map.close" : "map.open", { name: spot.name })} data-test="fold" onClick={() => onOpen(spot.id)}>{spot.open ? "−" : "+"}</button>
            : <span class="map-fold" />}
          <button type="button" class="map-pick" aria-pressed={spot.id === selected} data-test="pick" onClick={() => onSelect(spot.id)}>
            <span class="map-name"><HealthMark health={spot.health} word={spot.health !== "ok"} /> <b><Name>{spot.name}</Name></b></span>
            <span class="under">
              {spot.folded > 0 && <span>{t("map.folded", { n: spot.folded })}{spot.ill > 0 && ` (${t("map.ill", { n: spot.ill })})`}</span>}
              {road && road.links.length > 0 && <span>{road.health === "critical" ? t("map.road_broken") : road.load === undefined ? t("map.road") : t("map.road_load", { percent: percent(road.load) })}</span>}
              {spot.rack !== undefined && <span><Name>{spot.rack}</Name></span>}
              {spot.kind === "unknown" && <span>{t("map.unwatched")}</span>}
            </span>
          </button>
        </li>
      ))}
    </ul>
  );
}

interface SelectionProps {
  province: Province;
  picture: Picture;
  selected: string;
  conflicts: LinkConflict[];
  devicesShown: boolean;
  onDevices: (site: string) => void;
  onWay: (site: string) => void;
  way: string;
}

/** What is known of the selected spot or road. */
export function Selection({ province, picture, selected, conflicts, devicesShown, onDevices, onWay, way }: SelectionProps) {
  const road = picture.roads.find((one) => one.id === selected);
  if (road) {
    return (
      <Panel title={t("map.links")} test="selection">
        <ul class="list">{road.links.map((link) => <LinkWords key={link.id} link={link} conflicts={conflicts} />)}</ul>
      </Panel>
    );
  }
  const id = selected.slice(2);
  const site = selected.startsWith("s:") ? province.sites.get(id) : undefined;
  if (site) {
    const devices = province.devicesOf(site.id);
    return (
      <Panel title={<Name>{site.name}</Name>} aside={<HealthMark health={site.health} />} test="selection">
        <div class="stack">
          <Reasons reasons={site.reasons} />
          <div class="page-tools">
            <Button pressed={way === site.id} onClick={() => onWay(way === site.id ? "" : site.id)} test="show-way">{t("map.way")}</Button>
            {devices.length > 0 && <Button pressed={devicesShown} onClick={() => onDevices(site.id)} test="show-devices">{t("map.devices", { n: devices.length })}</Button>}
          </div>
          {way === site.id && <Way province={province} site={site.id} conflicts={conflicts} />}
        </div>
      </Panel>
    );
  }
  const device = selected.startsWith("d:") ? province.devices.get(id) : undefined;
  if (device) {
    const links = [...province.links.values()].filter((link) => link.a.device === id || link.b?.device === id);
    return (
      <Panel title={<Link href={`/thiet-bi/${encodeURIComponent(id)}`}><Name>{device.name}</Name></Link>} aside={<HealthMark health={device.health} />} test="selection">
        <div class="stack">
          {device.rack !== undefined && <p class="quiet">{device.unit === undefined ? t("map.rack", { rack: device.rack }) : t("map.rack_unit", { rack: device.rack, unit: device.unit })}</p>}
          <Reasons reasons={device.reasons} />
          {device.site !== undefined && <div class="page-tools"><Button pressed={devicesShown} onClick={() => onDevices(device.site!)} test="show-devices">{t("map.devices.fold")}</Button></div>}
          <ul class="list">{links.map((link) => <LinkWords key={link.id} link={link} conflicts={conflicts} />)}</ul>
        </div>
      </Panel>
    );
  }
  return null;
}

/** The links that a site's traffic takes, in its order. */
function Way({ province, site, conflicts }: { province: Province; site: string; conflicts: LinkConflict[] }) {
  const path = province.sites.get(site)?.path ?? [];
  const links = path.map((id) => province.links.get(id)).filter((link) => link !== undefined);
  if (links.length === 0) return <p class="quiet" data-test="way">{t("map.way.none")}</p>;
  return (
    <div data-test="way">
      <h3>{t("map.way.title", { n: links.length })}</h3>
      <ol class="list">{links.map((link) => <LinkWords key={link.id} link={link} conflicts={conflicts} />)}</ol>
    </div>
  );
}

function LinkWords({ link, conflicts }: { link: LinkRow; conflicts: LinkConflict[] }) {
  const isAt = (end?: { device?: string; interface: string }) => conflicts.some((one) => one.at.device === end?.device && one.at.interface === end?.interface);
  const lost = link.lines?.filter((line) => line.down).length ?? 0;
  return (
    <li data-link={link.id} data-health={link.health}>
      <p><b>{endWords(link.a)}</b> – <b>{link.b ? endWords(link.b) : t("map.far_unknown")}</b></p>
      <p><HealthMark health={link.health} /> <span class="num">{loadWords(link)}</span></p>
      <Reasons reasons={link.reasons} />
      <p class="under">
        {t("map.known_from", { sources: sourceWords(link) })}
        {link.lines && ` · ${t("map.lines", { up: link.lines.length - lost, n: link.lines.length })}`}
      </p>
      {(isAt(link.a) || isAt(link.b)) && <p><span class="tag degraded">{t("map.disputed")}</span></p>}
    </li>
  );
}

/** Where sources disagree. */
export function Conflicts({ conflicts }: { conflicts: LinkConflict[] }) {
  return (
    <Panel title={t("map.conflicts")} aside={<span class="tag">{conflicts.length}</span>} test="conflicts">
      {conflicts.length === 0
        ? <Empty title={t("map.conflicts.none")} />
        : (
          <>
            <p class="quiet small">{t("map.conflicts.sub")}</p>
            <ul class="list">
              {conflicts.map((conflict) => {
                const { title, opinions } = conflictWords(conflict);
                return (
                  <li key={`${conflict.at.device}/${conflict.at.interface}`} data-test="conflict">
                    <p><b>{title}</b></p>
                    <ul class="map-opinions">{opinions.map((words, n) => <li key={n}>{words}{n === 0 && <span class="tag">{t("map.followed")}</span>}</li>)}</ul>
                  </li>
                );
              })}
            </ul>
          </>
        )}
    </Panel>
  );
}
