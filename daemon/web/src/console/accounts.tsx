import { useState } from "preact/hooks";
import { type Account, type AccountInput, type AccountRole, type ApiError, api } from "../api.ts";
import { useNow } from "../clock.ts";
import { ago } from "../format.ts";
import { common } from "../i18n/common.ts";
import { t } from "../i18n/console.ts";
import { useResource } from "../resource.ts";
import { session } from "../session.ts";
import { Button, Failure, Loading, Name, PageHead, Panel, Refusal } from "../ui/basics.tsx";
import { Dialog, ask, say } from "../ui/dialog.tsx";
import { Field, Select, Text } from "../ui/forms.tsx";
import { type Column, Table } from "../ui/table.tsx";
import { PASSWORD_LENGTH_MIN } from "./setup.tsx";

const ROLES: AccountRole[] = ["viewer", "host", "operator", "admin"];

export function Accounts() {
  const now = useNow();
  const accounts = useResource<Account[]>("/accounts");
  const [editing, edit] = useState<Account | "new" | null>(null);
  const self = session.value?.account?.id;
  const columns: Column<Account>[] = [
    { key: "ten", label: t("account.display_name"), cell: (row) => <><b><Name>{row.display_name}</Name></b> {row.id === self && <span class="quiet">{t("account.self")}</span>}</> },
    { key: "tai-khoan", label: t("account.username"), cell: (row) => <span class="mono"><Name>{row.username}</Name></span> },
    { key: "vai-tro", label: t("account.role"), cell: (row) => t(`account.role.${row.role}`) },
    { key: "trang-thai", label: t("account.state"), cell: (row) => <span class={row.disabled ? "tag degraded" : "tag ok"}>{t(row.disabled ? "account.disabled" : "account.active")}</span> },
    { key: "luc", label: t("account.last_seen"), cell: (row) => (row.last_seen ? ago(row.last_seen, now) : t("account.never")) },
    { key: "sua", label: common("edit"), cell: (row) => <Button kind="quiet" test="edit-account" onClick={() => edit(row)}>{common("edit")}</Button> },
  ];
  return (
    <>
      <PageHead title={t("accounts.title")} sub={accounts.data && t("accounts.sub", { n: accounts.data.length })}>
        <Button kind="primary" test="add-account" onClick={() => edit("new")}>{t("account.add")}</Button>
      </PageHead>
      {accounts.data
        ? <Panel flush><Table label={t("accounts.title")} columns={columns} rows={accounts.data} rowKey={(row) => String(row.id)} test="accounts" /></Panel>
        : accounts.error ? <Failure error={accounts.error} retry={accounts.reload} /> : <Loading />}
      {editing && <AccountForm account={editing === "new" ? undefined : editing} self={editing !== "new" && editing.id === self} close={() => edit(null)} done={() => { edit(null); accounts.reload(); }} />}
    </>
  );
}

function AccountForm({ account, self, close, done }: { account: Account | undefined; self: boolean; close: () => void; done: () => void }) {
  const [username, setUsername] = useState(account?.username ?? "");
  const [displayName, setDisplayName] = useState(account?.display_name ?? "");
  const [role, setRole] = useState<AccountRole>(account?.role ?? "host");
  const [password, setPassword] = useState("");
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<ApiError>();
  const short = password !== "" && password.length < PASSWORD_LENGTH_MIN ? t("account.password.short", { n: PASSWORD_LENGTH_MIN }) : undefined;
  const run = async (work: () => Promise<unknown>, sentence?: string) => {
    setBusy(true);
    setError(undefined);
    try {
      await work();
      if (sentence) say(sentence);
      done();
    } catch (refusal) {
      setError(refusal as ApiError);
      setBusy(false);
    }
  };
  const save = () => {
    if (short) return;
    const shared = { display_name: displayName.trim(), role };
    void (account
      ? run(() => api.patch(`/accounts/${account.id}`, { ...shared, ...(password === "" ? {} : { password }) }))
      : run(() => api.post("/accounts", { ...shared, username: username.trim(), password } satisfies AccountInput), t("account.added", { name: shared.display_name })));
  };
  const remove = async () => {
    if (!account || !(await ask(t("account.delete.title"), t("account.delete.text", { name: account.display_name }), common("delete")))) return;
    void run(() => api.remove(`/accounts/${account.id}`));
  };
  return (
    <Dialog title={account ? t("account.edit", { name: account.display_name }) : t("account.add")} onClose={close} test="account-form">
      <form onSubmit={(event) => { event.preventDefault(); save(); }}>
        {!account && <Field label={t("account.username")}>{(id) => <Text id={id} value={username} onInput={setUsername} required maxLength={64} test="account-username" focus />}</Field>}
        <Field label={t("account.display_name")} hint={t("account.display_name.hint")}>{(id) => <Text id={id} value={displayName} onInput={setDisplayName} required maxLength={80} test="account-name" />}</Field>
        <Field label={t("account.role")}>{(id) => <Select id={id} value={role} onChange={setRole} test="account-role" options={ROLES.map((one) => [one, t(`account.role.${one}`)] as const)} />}</Field>
        <Field label={t(account ? "account.password.new" : "account.password")} hint={account ? t("accounts.keep_password") : t("account.password.hint", { n: PASSWORD_LENGTH_MIN })} bad={short}>
          {(id) => <Text id={id} type="password" value={password} onInput={setPassword} required={!account} autoComplete="new-password" maxLength={256} test="account-password" />}
        </Field>
        <Refusal error={error} />
        <div class="actions">
          {account && !self && (
            <span class="actions-left">
              <Button kind="danger" test="delete-account" onClick={() => void remove()}>{common("delete")}</Button>
              <Button test="disable-account" onClick={() => void run(() => api.patch(`/accounts/${account.id}`, { disabled: !account.disabled }))}>{t(account.disabled ? "account.enable" : "account.disable")}</Button>
            </span>
          )}
          <Button onClick={close}>{common("cancel")}</Button>
          <Button type="submit" kind="primary" busy={busy} test="save-account">{common("save")}</Button>
        </div>
      </form>
    </Dialog>
  );
}
