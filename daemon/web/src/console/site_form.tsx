import { useState } from "preact/hooks";
import { type ApiError, type DeviceDetail, type DeviceRow, type Site, type SiteInput, api } from "../api.ts";
import { flat, treeOf } from "../sites_tree.ts";
import { byName } from "../format.ts";
import { common } from "../i18n/common.ts";
import { t } from "../i18n/console.ts";
import { harmless } from "../i18n/index.ts";
import { useResource } from "../resource.ts";
import { fold } from "../search.ts";
import { Button, Refusal } from "../ui/basics.tsx";
import { Dialog, ask, say } from "../ui/dialog.tsx";
import { Field, Select, Text } from "../ui/forms.tsx";

interface SiteFormProps {
  /** Absent for a new site. */
  site?: Site;
  parent?: string;
  sites: Site[];
  close: () => void;
  done: () => void;
}

/** An id from a name: `Xã Trà Giang` → `xa-tra-giang`. */
export function idOf(name: string): string {
  return fold(name).replace(/[^a-z0-9]+/g, "-").replace(/^-|-$/g, "").slice(0, 60);
}

export function SiteForm({ site, parent, sites, close, done }: SiteFormProps) {
  const [id, setId] = useState(site?.id ?? "");
  const [name, setName] = useState(site?.name ?? "");
  const [kind, setKind] = useState(site?.kind ?? "");
  const [above, setAbove] = useState(site?.parent ?? parent ?? "");
  const [agency, setAgency] = useState(site?.agency_code ?? "");
  const [device, setDevice] = useState(site?.uplink?.device ?? "");
  const [port, setPort] = useState(site?.uplink?.interface ?? "");
  const [capacity, setCapacity] = useState(site?.capacity_bps === undefined ? "" : String(site.capacity_bps / 1e6));
  const [phone, setPhone] = useState(site?.phone ?? "");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError>();
  const devices = useResource<DeviceRow[]>("/devices").data ?? [];
  const ports = useResource<DeviceDetail>(device === "" ? null : `/devices/${encodeURIComponent(device)}`).data?.interfaces ?? [];

  // A site below itself would be a ring.
  const own = site && treeOf(sites).flatMap((node) => flat([node])).find((node) => node.site.id === site.id);
  const barred = new Set(own ? flat([own]).map((node) => node.site.id) : []);
  const parents = sites.filter((one) => !barred.has(one.id)).sort((a, b) => byName(a.name, b.name));
  const kinds = [...new Set(sites.map((one) => one.kind))].sort(byName);
  const finalId = site?.id ?? (id === "" ? idOf(name) : id);

  const run = async (work: () => Promise<unknown>, sentence: string) => {
    setBusy(true);
    setError(undefined);
    try {
      await work();
      say(sentence);
      done();
    } catch (refusal) {
      setError(refusal as ApiError);
      setBusy(false);
    }
  };
  const save = () => {
    const megabits = Number(capacity.replace(",", "."));
    const input: SiteInput = {
      id: finalId,
      name: name.trim(),
      kind: kind.trim(),
      ...(above === "" ? {} : { parent: above }),
      ...(agency.trim() === "" ? {} : { agency_code: agency.trim() }),
      ...(device === "" || port === "" ? {} : { uplink: { device, interface: port } }),
      ...(capacity.trim() === "" || !Number.isFinite(megabits) || megabits <= 0 ? {} : { capacity_bps: Math.round(megabits * 1e6) }),
      ...(phone.trim() === "" ? {} : { phone: phone.trim() }),
    };
    void run(() => (site ? api.patch(`/sites/${encodeURIComponent(site.id)}`, input) : api.post("/sites", input)), t("site.saved", { name: input.name }));
  };
  const remove = async () => {
    if (!site || !(await ask(t("site.delete.title"), t("site.delete.text", { name: site.name }), common("delete")))) return;
    void run(() => api.remove(`/sites/${encodeURIComponent(site.id)}`), t("site.deleted", { name: site.name }));
  };

  return (
    <Dialog title={site ? harmless(site.name) : t("site.new")} onClose={close} wide test="site-form">
      <form onSubmit={(event) => { event.preventDefault(); save(); }}>
        <div class="form-grid">
          <Field label={t("site.name")}>{(field) => <Text id={field} value={name} onInput={setName} required maxLength={120} test="site-name" focus />}</Field>
          {!site && <Field label={t("site.id")} hint={t("site.id.hint")}>{(field) => <Text id={field} value={id} onInput={setId} placeholder={idOf(name)} maxLength={60} test="site-id" />}</Field>}
          <Field label={t("site.kind")} hint={t("site.kind.hint")}>
            {(field) => (
              <>
                <input id={field} class="input" list={`${field}-kinds`} value={kind} required maxLength={40} data-test="site-kind" onInput={(event) => setKind(event.currentTarget.value)} />
                <datalist id={`${field}-kinds`}>{kinds.map((one) => <option key={one} value={one} />)}</datalist>
              </>
            )}
          </Field>
          <Field label={t("site.parent")}>
            {(field) => <Select id={field} value={above} onChange={setAbove} test="site-parent" options={[["", t("site.parent.none")] as const, ...parents.map((one) => [one.id, harmless(one.name)] as const)]} />}
          </Field>
          <Field label={t("site.uplink.device")}>
            {(field) => <Select id={field} value={device} onChange={(next) => { setDevice(next); setPort(""); }} test="site-device" options={[["", t("site.uplink.none")] as const, ...[...devices].sort((a, b) => byName(a.name, b.name)).map((one) => [one.id, harmless(one.name)] as const)]} />}
          </Field>
          <Field label={t("site.uplink.interface")}>
            {(field) => (
              <Select
                id={field} value={port} onChange={setPort} test="site-interface"
                options={[["", t("site.uplink.none")] as const, ...(port !== "" && !ports.some((one) => one.name === port) ? [[port, harmless(port)] as const] : []), ...ports.map((one) => [one.name, harmless(one.alias ? `${one.name} · ${one.alias}` : one.name)] as const)]}
              />
            )}
          </Field>
          <Field label={t("site.capacity")}>{(field) => <Text id={field} value={capacity} onInput={setCapacity} maxLength={12} test="site-capacity" />}</Field>
          <Field label={t("site.phone")}>{(field) => <Text id={field} type="tel" value={phone} onInput={setPhone} maxLength={40} test="site-phone" />}</Field>
          <Field label={t("site.agency_code")}>{(field) => <Text id={field} value={agency} onInput={setAgency} maxLength={60} test="site-agency" />}</Field>
        </div>
        <Refusal error={error} />
        <div class="actions">
          {site && <span class="actions-left"><Button kind="danger" test="delete-site" onClick={() => void remove()}>{common("delete")}</Button></span>}
          <Button onClick={close}>{common("cancel")}</Button>
          <Button type="submit" kind="primary" busy={busy} test="save-site">{common("save")}</Button>
        </div>
      </form>
    </Dialog>
  );
}
