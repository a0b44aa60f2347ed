import { useState } from "preact/hooks";
import type { DeviceDetail, InterfaceRow } from "../api.ts";
import { byName, number, rate, when } from "../format.ts";
import { t } from "../i18n/console.ts";
import { harmless } from "../i18n/index.ts";
import { useQuery } from "../router.tsx";
import { matches } from "../search.ts";
import { Empty, HealthMark, Name, Panel } from "../ui/basics.tsx";
import { FilterBox } from "../ui/forms.tsx";
import { type Column, Table } from "../ui/table.tsx";
import { InterfaceChart } from "./interface_chart.tsx";
import { byNumber } from "./order.ts";

function stateWord(row: InterfaceRow): string {
  if (row.admin === "down") return t("interface.off");
  if (row.admin === "testing") return t("interface.testing");
  return row.oper === "up" ? t("interface.up") : row.oper === "down" ? t("interface.down") : harmless(row.oper);
}

/** The interfaces of a device; the chosen one with its day of traffic. */
export function Interfaces({ device }: { device: DeviceDetail }) {
  const [query, setQuery] = useState("");
  const [chosen, choose] = useQuery("cong");
  const rows = device.interfaces;
  // What one comes to see: an interface that sites depend on, else the busiest.
  const usual = [...rows].sort((a, b) => b.sites.length - a.sites.length || (b.in_bps ?? 0) - (a.in_bps ?? 0))[0];
  const shown = rows.find((row) => row.name === chosen) ?? usual;
  const columns: Column<InterfaceRow>[] = [
    {
      key: "cong", label: t("interface.name"), compare: (a, b) => byName(a.name, b.name),
      cell: (row) => (
        <button type="button" class="text-button" aria-pressed={row === shown} title={t("interface.show_chart", { name: row.name })} data-test="interface" data-interface={row.name} onClick={() => choose(row.name)}>
          <Name>{row.name}</Name>
        </button>
      ),
    },
    { key: "trang-thai", label: t("interface.state"), cell: (row) => <span class={`health health-${row.admin === "down" ? "unknown" : row.health}`}><HealthMark health={row.admin === "down" ? "unknown" : row.health} word={false} />{stateWord(row)}</span>, compare: (a, b) => byName(stateWord(a), stateWord(b)) },
    { key: "ghi-chu", label: t("interface.alias"), cell: (row) => <Name>{row.alias}</Name>, compare: (a, b) => byName(a.alias, b.alias) },
    { key: "toc-do", label: t("interface.speed"), numeric: true, cell: (row) => (row.speed_bps > 0 ? rate(row.speed_bps) : "–"), compare: (a, b) => byNumber(a.speed_bps, b.speed_bps) },
    { key: "vao", label: t("interface.in"), numeric: true, cell: (row) => rate(row.in_bps), compare: (a, b) => byNumber(a.in_bps, b.in_bps) },
    { key: "ra", label: t("interface.out"), numeric: true, cell: (row) => rate(row.out_bps), compare: (a, b) => byNumber(a.out_bps, b.out_bps) },
    { key: "loi", label: t("interface.errors"), numeric: true, cell: (row) => { const errors = (row.in_errors_per_second ?? 0) + (row.out_errors_per_second ?? 0); return row.in_errors_per_second === undefined && row.out_errors_per_second === undefined ? "–" : number(errors); } },
    { key: "diem-cau", label: t("interface.sites"), cell: (row) => row.sites.map(harmless).join(", ") },
    { key: "doi", label: t("interface.change"), cell: (row) => (row.last_change ? <span class="num">{when(row.last_change)}</span> : "–") },
  ];
  if (rows.length === 0) return <Panel title={t("device.interfaces")}><Empty title={t("device.no_interfaces")} /></Panel>;
  const matching = rows.filter((row) => matches(query, row.name, row.alias, ...row.sites));
  return (
    <>
      {shown && <InterfaceChart key={shown.name} device={device.id} row={shown} />}
      <Panel
        title={<>{t("device.interfaces")} <span class="quiet num">({rows.length})</span></>}
        aside={rows.length > 8 && <FilterBox value={query} onInput={setQuery} placeholder={t("interface.name")} test="interface-filter" />}
        flush
      >
        <Table label={t("device.interfaces")} columns={columns} rows={matching} rowKey={(row) => row.name} rowClass={(row) => `row-${row.admin === "down" ? "off" : row.health}${row === shown ? " chosen" : ""}`} test="interfaces" order="sap-cong" low />
      </Panel>
    </>
  );
}
