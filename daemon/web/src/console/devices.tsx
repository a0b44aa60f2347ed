import type { DeviceRow } from "../api.ts";
import { useNow } from "../clock.ts";
import { ago, byName } from "../format.ts";
import { t } from "../i18n/console.ts";
import { useResource } from "../resource.ts";
import { Link, useQuery } from "../router.tsx";
import { matches } from "../search.ts";
import { Button, Empty, Failure, HealthMark, Loading, Name, PageHead, Panel, Reasons } from "../ui/basics.tsx";
import { FilterBox } from "../ui/forms.tsx";
import { type Column, Table } from "../ui/table.tsx";
import { HealthFilter } from "./health_filter.tsx";
import { MaintenanceMark } from "./maintenance_mark.tsx";
import { byHealth } from "./order.ts";

export function Devices() {
  const now = useNow();
  const devices = useResource<DeviceRow[]>("/devices", ["devices"]);
  const [query, setQuery] = useQuery("tim");
  const [health, setHealth] = useQuery("tinh-trang");
  const all = devices.data;
  const found = all?.filter((row) => matches(query, row.name, row.address, row.site_name, row.vendor, row.model, t(`kind.${row.kind}`), row.profile)) ?? [];
  const shown = found.filter((row) => health === "" || row.health === health);
  const columns: Column<DeviceRow>[] = [
    {
      key: "ten", label: t("device.name"), wide: true, compare: (a, b) => byName(a.name, b.name),
      cell: (row) => (
        <>
          <Link href={`/thiet-bi/${encodeURIComponent(row.id)}`} class="strong"><Name>{row.name}</Name></Link>
          <span class="under mono"><Name>{row.address}</Name></span>
        </>
      ),
    },
    {
      key: "tinh-trang", label: t("device.health"), compare: byHealth,
      cell: (row) => (
        <>
          <HealthMark health={row.health} /> <MaintenanceMark window={row.maintenance} />
          {row.behind ? <span class="reasons">{t("device.behind", { name: row.behind.name })}</span> : row.health !== "ok" && <Reasons reasons={row.reasons} />}
        </>
      ),
    },
    { key: "diem-cau", label: t("device.site"), wide: true, cell: (row) => <Name>{row.site_name}</Name>, compare: (a, b) => byName(a.site_name ?? "", b.site_name ?? "") },
    {
      key: "loai", label: t("device.kind"), wide: true, compare: (a, b) => byName(t(`kind.${a.kind}`), t(`kind.${b.kind}`)) || byName(a.vendor + a.model, b.vendor + b.model),
      cell: (row) => <>{t(`kind.${row.kind}`)}<span class="under"><Name>{`${row.vendor} ${row.model}`.trim()}</Name></span></>,
    },
    { key: "luc", label: t("device.last_seen"), cell: (row) => <span class="nowrap num">{row.last_seen ? ago(row.last_seen, now) : "–"}</span>, compare: (a, b) => (b.last_seen ?? "").localeCompare(a.last_seen ?? "") },
  ];
  return (
    <>
      <PageHead title={t("devices.title")} sub={all && (shown.length === all.length ? t("devices.sub", { n: all.length }) : t("devices.shown", { shown: shown.length, n: all.length }))}>
        <Link href="/thiet-bi/phat-hien" class="button plain">{t("found.open")}</Link>
      </PageHead>
      {!all
        ? devices.error ? <Failure error={devices.error} retry={devices.reload} /> : <Loading rows={8} />
        : all.length === 0
          ? <Panel><Empty title={t("devices.none")}>{t("devices.none.sub")}</Empty></Panel>
          : (
            <>
              <div class="toolbar">
                <FilterBox value={query} onInput={setQuery} placeholder={t("devices.filter")} />
                <HealthFilter rows={found} value={health} onChange={setHealth} />
              </div>
              {shown.length === 0
                ? <Panel><Empty title={t("devices.no_match")}><Button onClick={() => { setQuery(""); setHealth(""); }}>{t("devices.clear")}</Button></Empty></Panel>
                : <Panel flush><Table label={t("devices.title")} columns={columns} rows={shown} rowKey={(row) => row.id} rowClass={(row) => `row-${row.health}`} test="devices" /></Panel>}
            </>
          )}
    </>
  );
}
