import { useMemo, useState } from "preact/hooks";
import type { Topology } from "../../api.ts";
import { t } from "../../i18n/console.ts";
import { useResource } from "../../resource.ts";
import { useQuery } from "../../router.tsx";
import { matches } from "../../search.ts";
import { Button, Empty, Failure, HealthMark, Loading, Name, PageHead, Panel } from "../../ui/basics.tsx";
import { Choice, FilterBox } from "../../ui/forms.tsx";
import { Graph } from "./graph.tsx";
import { type Opened, Province, byRack, bySite, wayOf } from "./model.ts";
import { Conflicts, Selection, SpotList } from "./panels.tsx";

/** Found places at most; who gets more types another letter. */
const FOUND_MAX = 12;

const listed = (text: string) => new Set(text.split(",").filter((part) => part !== ""));
const written = (set: ReadonlySet<string>) => [...set].sort().join(",");

export function TopologyPage() {
  const topology = useResource<Topology>("/topology", ["links", "devices", "sites"]);
  const [view, setView] = useQuery("xem", "diem-cau");
  const [query, setQuery] = useQuery("tim");
  const [way, setWay] = useQuery("diem-cau");
  const [openText, setOpenText] = useQuery("mo");
  const [deviceText, setDeviceText] = useQuery("thiet-bi");
  const [chosen, setSelected] = useState<string>();
  const province = useMemo(() => topology.data && new Province(topology.data), [topology.data]);

  const opened = useMemo((): Opened => {
    const sites = listed(openText);
    // The top of the tree is always open, and so is the way to the site that the address names.
    for (const root of province?.roots ?? []) sites.add(root.id);
    if (way !== "") for (const site of province?.chain(way).slice(0, -1) ?? []) sites.add(site.id);
    return { sites, devices: listed(deviceText) };
  }, [openText, deviceText, way, province]);
  const picture = useMemo(() => province && (view === "tu-rack" ? byRack(province) : bySite(province, opened)), [province, opened, view]);
  const highlighted = useMemo(() => (province && picture && way !== "" ? wayOf(province, picture, way) : undefined), [province, picture, way]);
  const selected = chosen ?? (way === "" ? "" : `s:${way}`);

  const toggle = (spot: string) => {
    const id = spot.slice(2);
    if (!spot.startsWith("s:") || !province?.children.has(id) || province.roots.some((root) => root.id === id)) return;
    const next = listed(openText);
    if (opened.sites.has(id)) {
      next.delete(id);
      if (way !== "" && province.chain(way).some((site) => site.id === id)) setWay("");
    } else next.add(id);
    setOpenText(written(next));
  };
  const toggleDevices = (site: string) => {
    const next = listed(deviceText);
    if (!next.delete(site)) next.add(site);
    setDeviceText(written(next));
    setSelected(next.has(site) ? selected : `s:${site}`);
  };
  const found = province && query.trim() !== "" ? find(province, query) : undefined;
  const show = (place: Found) => {
    setView("diem-cau");
    if (place.site !== undefined) {
      const next = listed(openText);
      for (const site of province!.chain(place.site).slice(0, -1)) if (!province!.roots.includes(site)) next.add(site.id);
      setOpenText(written(next));
      if (place.id.startsWith("d:")) setDeviceText(written(listed(deviceText).add(place.site)));
    }
    setSelected(place.id);
    setQuery("");
  };

  const data = topology.data;
  const broken = data?.links.filter((link) => link.health === "critical").length ?? 0;
  return (
    <>
      <PageHead title={t("map.title")} sub={data && t("map.sub", { sites: data.sites.length, devices: data.devices.length, links: data.links.length, broken })}>
        <Choice value={view === "tu-rack" ? "tu-rack" : "diem-cau"} onChange={setView} label={t("map.view")} test="map-view" options={[["diem-cau", t("map.by_site")], ["tu-rack", t("map.by_rack")]]} />
      </PageHead>
      {!province || !picture
        ? topology.error ? <Failure error={topology.error} retry={topology.reload} /> : <Loading rows={8} />
        : data!.devices.length === 0
          ? <Panel><Empty title={t("map.none")} /></Panel>
          : (
            <>
              <div class="toolbar">
                <FilterBox value={query} onInput={setQuery} placeholder={t("map.search")} test="map-search" />
                <Legend />
                {way !== "" && <Button onClick={() => setWay("")} test="way-off">{t("map.way.off", { name: province.sites.get(way)?.name ?? way })}</Button>}
                {[...opened.devices].map((site) => province.sites.has(site) && view !== "tu-rack" && (
                  <Button key={site} onClick={() => toggleDevices(site)} test="devices-off">{t("map.devices.off", { name: province.sites.get(site)!.name })}</Button>
                ))}
              </div>
              {found && <FoundList found={found} onPick={show} />}
              {view === "tu-rack" && picture.without > 0 && picture.rows.length > 0 && <p class="quiet map-note">{t("map.racks.without", { n: picture.without })}</p>}
              {view === "tu-rack" && picture.rows.length === 0
                ? <Panel><Empty title={t("map.racks.none")}>{t("map.racks.none.sub")}</Empty></Panel>
                : (
                  <div class="map-page">
                    <Panel flush test="map-panel"><Graph picture={picture} selected={selected} way={highlighted} onSelect={setSelected} onOpen={toggle} /></Panel>
                    <div class="map-side">
                      <Selection
                        province={province} picture={picture} selected={selected} conflicts={data!.conflicts} way={way}
                        devicesShown={opened.devices.has(selected.startsWith("d:") ? province.devices.get(selected.slice(2))?.site ?? "" : selected.slice(2))}
                        onDevices={toggleDevices} onWay={setWay}
                      />
                      <Panel title={t("map.list")} flush><SpotList rows={picture.rows} selected={selected} onSelect={setSelected} onOpen={toggle} /></Panel>
                      <Conflicts conflicts={data!.conflicts} />
                    </div>
                  </div>
                )}
            </>
          )}
    </>
  );
}

interface Found {
  id: string;
  name: string;
  site?: string;
  health: Topology["sites"][number]["health"];
}

function find(province: Province, query: string): Found[] {
  const sites = [...province.sites.values()].filter((site) => matches(query, site.name)).map((site): Found => ({ id: `s:${site.id}`, name: site.name, site: site.id, health: site.health }));
  const devices = [...province.devices.values()].filter((device) => matches(query, device.name, device.id)).map((device): Found => ({ id: `d:${device.id}`, name: device.name, site: device.site, health: device.health }));
  return [...sites, ...devices];
}

function FoundList({ found, onPick }: { found: Found[]; onPick: (place: Found) => void }) {
  return (
    <Panel test="found">
      {found.length === 0
        ? <p class="quiet">{t("map.found.none")}</p>
        : (
          <ul class="map-found">
            {found.slice(0, FOUND_MAX).map((place) => (
              <li key={place.id}><button type="button" class="button plain" data-found={place.id} onClick={() => onPick(place)}><HealthMark health={place.health} word={place.health !== "ok"} /> <Name>{place.name}</Name></button></li>
            ))}
            {found.length > FOUND_MAX && <li class="quiet">{t("map.found.more", { n: found.length - FOUND_MAX })}</li>}
          </ul>
        )}
    </Panel>
  );
}

function Legend() {
  return (
    <p class="map-legend">
      {(["ok", "degraded", "critical", "unknown"] as const).map((health) => <HealthMark key={health} health={health} />)}
      <span class="quiet">{t("map.legend.width")}</span>
    </p>
  );
}
