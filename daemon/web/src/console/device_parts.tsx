import type { Component, Sensor } from "../api.ts";
import { byName, duration, number } from "../format.ts";
import { common } from "../i18n/common.ts";
import { t } from "../i18n/console.ts";
import { u } from "../i18n/upkeep.ts";
import { HealthMark, Name, Panel } from "../ui/basics.tsx";
import { type Column, Table } from "../ui/table.tsx";
import { byHealth, byNumber } from "./order.ts";

function limits(sensor: Sensor): string {
  const unit = (value: number) => `${number(value)} ${sensor.unit}`.trim();
  if (sensor.low !== undefined && sensor.high !== undefined) return t("sensor.between", { low: unit(sensor.low), high: unit(sensor.high) });
  if (sensor.high !== undefined) return t("sensor.below", { limit: unit(sensor.high) });
  return sensor.low !== undefined ? t("sensor.above", { limit: unit(sensor.low) }) : "";
}

export function Sensors({ sensors }: { sensors: Sensor[] }) {
  const columns: Column<Sensor>[] = [
    { key: "ten", label: t("sensor.name"), cell: (row) => <Name>{row.name}</Name>, compare: (a, b) => byName(a.name, b.name) },
    { key: "gia-tri", label: t("sensor.value"), numeric: true, cell: (row) => (row.value === undefined ? <Name>{row.state}</Name> : <>{number(row.value)} <Name>{row.unit}</Name></>), compare: (a, b) => byNumber(a.value, b.value) },
    { key: "nguong", label: t("sensor.range"), cell: (row) => <>{limits(row)}{row.limit_source && <span class="under">{u(`limit.${row.limit_source}`)}</span>}</> },
    { key: "tinh-trang", label: t("device.health"), cell: (row) => <HealthMark health={row.health} />, compare: byHealth },
    { key: "tuoi", label: t("sensor.age"), cell: (row) => common("ago", { duration: duration(row.age_seconds) }), compare: (a, b) => byNumber(a.age_seconds, b.age_seconds) },
  ];
  return (
    <Panel title={<>{t("device.sensors")} <span class="quiet num">({sensors.length})</span></>} flush>
      <Table label={t("device.sensors")} columns={columns} rows={sensors} rowKey={(row) => row.name} rowClass={(row) => `row-${row.health}`} test="sensors" order="sap-cb" low />
    </Panel>
  );
}

export function Components({ components }: { components: Component[] }) {
  const columns: Column<Component>[] = [
    { key: "ten", label: t("component.name"), cell: (row) => <Name>{row.name}</Name>, compare: (a, b) => byName(a.name, b.name) },
    { key: "nhom", label: t("component.class"), cell: (row) => <Name>{row.class}</Name>, compare: (a, b) => byName(a.class, b.class) },
    { key: "kieu", label: t("component.model"), cell: (row) => <Name>{row.model}</Name> },
    { key: "so-may", label: t("component.serial"), cell: (row) => <span class="mono"><Name>{row.serial}</Name></span> },
    { key: "trang-thai", label: t("component.state"), cell: (row) => <Name>{row.state}</Name> },
    { key: "tinh-trang", label: t("device.health"), cell: (row) => <HealthMark health={row.health} />, compare: byHealth },
  ];
  return (
    <Panel title={<>{t("device.components")} <span class="quiet num">({components.length})</span></>} flush>
      <Table label={t("device.components")} columns={columns} rows={components} rowKey={(row) => `${row.parent ?? ""} ${row.name}`} rowClass={(row) => `row-${row.health}`} test="components" order="sap-tp" low />
    </Panel>
  );
}
