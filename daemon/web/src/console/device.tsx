import type { ComponentChildren } from "preact";
import type { DeviceDetail, EventRow } from "../api.ts";
import { useNow } from "../clock.ts";
import { ago, bytes, dateTime, duration, percent } from "../format.ts";
import { t } from "../i18n/console.ts";
import { reasonSentence } from "../i18n/reasons.ts";
import { useResource } from "../resource.ts";
import { Link } from "../router.tsx";
import { Empty, Failure, HealthMark, Loading, Name, PageHead, Panel } from "../ui/basics.tsx";
import { Components, Sensors } from "./device_parts.tsx";
import { EventTable } from "./event_table.tsx";
import { AvailabilityHere } from "./availability.tsx";
import { MaintenanceMark } from "./maintenance_mark.tsx";
import { History } from "./history.tsx";
import { Interfaces } from "./interfaces.tsx";
import { LoadBar } from "./load_bar.tsx";

/** One device: what it is, how it is, and why. */
export function Device({ id }: { id: string }) {
  const now = useNow();
  const resource = useResource<DeviceDetail>(`/devices/${encodeURIComponent(id)}`, ["devices", `device:${id}`]);
  const events = useResource<EventRow[]>(`/events?limit=50&device=${encodeURIComponent(id)}`, ["events", `device:${id}`]);
  const device = resource.data;
  if (!device) return resource.error ? <Failure error={resource.error} retry={resource.reload} /> : <Loading rows={8} />;
  return (
    <>
      <PageHead title={<Name>{device.name}</Name>} sub={<>{t(`kind.${device.kind}`)}{device.site_name && <>{" · "}<Name>{device.site_name}</Name></>}{" · "}<span class="mono"><Name>{device.address}</Name></span></>}>
        {device.last_seen && <span class="quiet num">{t("device.last_seen")}: {ago(device.last_seen, now)}</span>}
      </PageHead>
      <div class={`verdict ${device.health}`} data-test="verdict" data-health={device.health}>
        <HealthMark health={device.health} />
        <MaintenanceMark window={device.maintenance} />
        <div class="verdict-reasons">
          {device.behind && <p>{t("device.behind", { name: "" })}<Link href={`/thiet-bi/${encodeURIComponent(device.behind.device)}`}><Name>{device.behind.name}</Name></Link></p>}
          {device.reasons.length > 0 ? device.reasons.map((reason, index) => <p key={index}>{reasonSentence(reason)}</p>) : !device.behind && device.health === "ok" && <p>{t("device.ok")}</p>}
        </div>
      </div>
      <AvailabilityHere kind="device" subject={device.id} />
      <div class="device-grid">
        <Facts device={device} />
        <div class="stack">
          <Gauges device={device} />
          <Collection device={device} />
        </div>
      </div>
      <div class="stack">
        <Interfaces device={device} />
        {device.sensors.length > 0 && <Sensors sensors={device.sensors} />}
        {device.components.length > 0 && <Components components={device.components} />}
        <Neighbours device={device} />
        <History id={id} />
        <Panel title={t("device.events")} flush={(events.data?.length ?? 0) > 0}>
          {events.data ? events.data.length === 0 ? <p class="quiet">{t("events.none")}</p> : <EventTable events={events.data} /> : events.error ? <Failure error={events.error} retry={events.reload} /> : <Loading rows={2} />}
        </Panel>
      </div>
    </>
  );
}

function Facts({ device }: { device: DeviceDetail }) {
  const facts: [string, ComponentChildren][] = [
    [t("device.model"), <Name>{`${device.vendor} ${device.model}`.trim()}</Name>],
    [t("device.serial"), <span class="mono"><Name>{device.serial}</Name></span>],
    [t("device.version"), <Name>{device.version}</Name>],
    [t("device.uptime"), device.uptime_seconds === undefined ? "" : duration(device.uptime_seconds)],
    [t("device.sys_name"), <Name>{device.sys_name}</Name>],
    [t("device.location"), <Name>{device.location}</Name>],
    [t("device.contact"), <Name>{device.contact}</Name>],
    [t("device.descr"), <Name>{device.sys_descr}</Name>],
    [t("device.profile"), <><Name>{device.profile}</Name> <span class="mono quiet"><Name>{device.sys_object_id}</Name></span></>],
    [t("device.snmp"), <><Name>{device.snmp}</Name> · {t("device.credential")} <Name>{device.credential}</Name></>],
    [t("device.poll"), duration(device.poll_seconds)],
  ];
  const empty = new Set([device.serial ? "" : t("device.serial"), device.version ? "" : t("device.version"), device.location ? "" : t("device.location"), device.contact ? "" : t("device.contact"), device.uptime_seconds === undefined ? t("device.uptime") : "", device.sys_descr ? "" : t("device.descr")]);
  return (
    <Panel title={t("device.facts")} test="facts">
      <dl class="facts">{facts.filter(([name]) => !empty.has(name)).map(([name, value]) => <><dt>{name}</dt><dd>{value}</dd></>)}</dl>
    </Panel>
  );
}

/** Processors and storage, each a number first and a bar second. */
function Gauges({ device }: { device: DeviceDetail }) {
  return (
    <>
      {device.processors.length > 0 && (
        <Panel title={t("device.processors")}>
          <Processors processors={device.processors} />
        </Panel>
      )}
      {device.storage.length > 0 && (
        <Panel title={t("device.storage")}>
          <ul class="gauges">
            {device.storage.map((one) => {
              const used = one.size_bytes > 0 ? (100 * one.used_bytes) / one.size_bytes : undefined;
              return (
                <li key={one.name}>
                  <span>{one.health !== "ok" && <HealthMark health={one.health} word={false} />} <Name>{one.name}</Name></span>
                  <b class="num">{percent(used)} <span class="quiet">/ {bytes(one.size_bytes)}</span></b>
                  <LoadBar percent={used} health={one.health} />
                </li>
              );
            })}
          </ul>
        </Panel>
      )}
    </>
  );
}

/** Processors shown one by one; of more the mean comes first and each on request. */
const PROCESSORS_MAX = 4;

function Processors({ processors }: Pick<DeviceDetail, "processors">) {
  const each = (
    <ul class="gauges">
      {processors.map((one, index) => (
        <li key={index}><span><Name>{one.name}</Name></span><b class="num">{percent(one.load_percent)}</b><LoadBar percent={one.load_percent} health="ok" /></li>
      ))}
    </ul>
  );
  if (processors.length <= PROCESSORS_MAX) return each;
  const mean = processors.reduce((sum, one) => sum + one.load_percent, 0) / processors.length;
  return (
    <>
      <ul class="gauges">
        <li><span>{t("device.processors.many", { n: processors.length })}</span><b class="num">{percent(mean)}</b><LoadBar percent={mean} health="ok" /></li>
      </ul>
      <details class="more"><summary>{t("device.processors.each")}</summary>{each}</details>
    </>
  );
}

function Collection({ device }: { device: DeviceDetail }) {
  const { collection } = device;
  return (
    <Panel title={t("device.collection")} test="collection">
      {collection.finished_at
        ? <p><span class="num">{dateTime(collection.finished_at)}</span>. {t("device.collection.line", { varbinds: collection.varbinds, ms: collection.duration_ms, requests: collection.requests, retries: collection.retries })}</p>
        : <p class="quiet">{t("device.collection.never")}</p>}
      {collection.finished_at && (
        <details class="more" data-test="collection-cost"><summary>{t("device.collection.cost")}</summary>
          <dl class="facts">
            <dt>{t("device.collection.last_success")}</dt><dd class="num">{collection.last_success ? dateTime(collection.last_success) : t("device.collection.never_answered")}</dd>
            <dt>{t("device.collection.max_repetitions")}</dt><dd class="num">{collection.max_repetitions}</dd>
            <dt>{t("device.collection.timeouts")}</dt><dd class="num">{collection.timeouts}</dd>
            <dt>{t("device.collection.walk_errors")}</dt><dd class="num">{collection.walk_errors}</dd>
            {collection.tables_cut.length > 0 && <><dt>{t("device.collection.tables_cut")}</dt><dd>{collection.tables_cut.join(", ")}</dd></>}
          </dl>
        </details>
      )}
      {collection.errors.length === 0
        ? collection.finished_at && <p class="quiet">{t("device.collection.ok")}</p>
        : <ul class="problems">{collection.errors.map((reason, index) => <li key={index}><HealthMark health="degraded" word={false} /> {reasonSentence(reason)}</li>)}</ul>}
    </Panel>
  );
}

function Neighbours({ device }: { device: DeviceDetail }) {
  return (
    <Panel title={t("device.neighbours")} flush={device.neighbours.length > 0}>
      {device.neighbours.length === 0
        ? <Empty title={t("device.no_neighbours")} />
        : (
          <div class="table-scroll low" tabIndex={0} role="region" aria-label={t("device.neighbours")}>
            <table class="table">
              <thead><tr><th scope="col">{t("neighbour.local")}</th><th scope="col">{t("neighbour.name")}</th><th scope="col">{t("neighbour.remote")}</th><th scope="col">{t("neighbour.source")}</th></tr></thead>
              <tbody>
                {device.neighbours.map((one) => (
                  <tr key={`${one.interface} ${one.name} ${one.remote_interface}`}>
                    <th scope="row"><Name>{one.interface}</Name></th>
                    <td>{one.device ? <Link href={`/thiet-bi/${encodeURIComponent(one.device)}`}><Name>{one.name}</Name></Link> : <Name>{one.name}</Name>}</td>
                    <td><Name>{one.remote_interface}</Name></td>
                    <td>{one.protocol === "declared" ? t("neighbour.declared") : one.protocol.toUpperCase()}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
        )}
    </Panel>
  );
}
