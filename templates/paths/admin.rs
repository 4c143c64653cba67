//! What staff go to.

use super::{encode, query};
use uuid::Uuid;

/// The orders, the last placed first.
pub fn admin_orders() -> String {
    "/admin/orders".into()
}

/// The orders that match `filter`: pairs of `status`, `q` and the cursor `before`.
pub fn admin_orders_where(filter: &[(&str, &str)]) -> String {
    query(admin_orders(), filter)
}

/// One of them.
pub fn admin_order(id: Uuid) -> String {
    format!("/admin/orders/{id}")
}

/// Where it is posted to that money goes back.
pub fn admin_order_refund(id: Uuid) -> String {
    format!("/admin/orders/{id}/refund")
}

/// Where it is posted to that the receipt is mailed once more.
pub fn admin_order_receipt(id: Uuid) -> String {
    format!("/admin/orders/{id}/receipt")
}

/// Money, as it was entered.
pub fn admin_ledger() -> String {
    "/admin/ledger".into()
}

/// What was entered before this booking.
pub fn admin_ledger_before(id: Uuid) -> String {
    query(admin_ledger(), &[("before", &id.to_string())])
}

/// All of it as a file.
pub fn admin_ledger_export() -> String {
    "/admin/ledger.csv".into()
}

/// The products.
pub fn admin_products() -> String {
    "/admin/products".into()
}

/// The form for a new one.
pub fn admin_new_product() -> String {
    "/admin/products/new".into()
}

/// One of them.
pub fn admin_product(id: Uuid) -> String {
    format!("/admin/products/{id}")
}

/// The first page staff see.
pub fn admin() -> String {
    "/admin".into()
}

/// All leads, newest first.
pub fn admin_leads() -> String {
    "/admin/leads".into()
}

/// The leads that match `filter`: pairs of `status`, `source`, `q` and the cursor `before`. Empty
/// values are left out, so that one selection has one URL.
pub fn admin_leads_where(filter: &[(&str, &str)]) -> String {
    query(admin_leads(), filter)
}

/// One lead.
pub fn admin_lead(id: Uuid) -> String {
    format!("/admin/leads/{id}")
}

/// What other programs have told us, the last first.
pub fn admin_inbox() -> String {
    "/admin/inbox".into()
}

/// The events that match `filter`: pairs of `state`, `source` and the cursor `before`.
pub fn admin_inbox_where(filter: &[(&str, &str)]) -> String {
    query(admin_inbox(), filter)
}

/// One event.
pub fn admin_inbox_event(id: Uuid) -> String {
    format!("/admin/inbox/{id}")
}

/// Where it is posted to that an event is to be acted upon once more.
pub fn admin_inbox_replay(id: Uuid) -> String {
    format!("/admin/inbox/{id}/replay")
}

/// Where it is posted to that all dead events are.
pub fn admin_inbox_replay_dead() -> String {
    "/admin/inbox/replay".into()
}

/// Where a lead's new status is posted to.
pub fn admin_lead_status(id: Uuid) -> String {
    format!("/admin/leads/{id}/status")
}

/// Where a note on a lead is posted to.
pub fn admin_lead_notes(id: Uuid) -> String {
    format!("/admin/leads/{id}/notes")
}

/// All posts, drafts included.
pub fn admin_posts() -> String {
    "/admin/posts".into()
}

/// The posts older than the one with the id `before`.
pub fn admin_posts_before(before: Uuid) -> String {
    query(admin_posts(), &[("before", &before.to_string())])
}

/// The form for a new post.
pub fn admin_new_post() -> String {
    "/admin/posts/new".into()
}

/// The form that edits a post.
pub fn admin_edit_post(id: Uuid) -> String {
    format!("/admin/posts/{id}/edit")
}

/// All subscribers, the last to come first.
pub fn admin_subscribers() -> String {
    "/admin/subscribers".into()
}

/// The subscribers that match `filter`: pairs of `status`, `q` and the cursor `before`.
pub fn admin_subscribers_where(filter: &[(&str, &str)]) -> String {
    query(admin_subscribers(), filter)
}

/// The form that adds one.
pub fn admin_new_subscriber() -> String {
    "/admin/subscribers/new".into()
}

/// The form that brings many over.
pub fn admin_import_subscribers() -> String {
    "/admin/subscribers/import".into()
}

/// What became of a list that was brought over.
pub fn admin_import(id: Uuid) -> String {
    format!("/admin/subscribers/imports/{id}")
}

/// All of them, as a table to take along.
pub fn admin_export_subscribers() -> String {
    "/admin/subscribers.csv".into()
}

/// One subscriber.
pub fn admin_subscriber(id: Uuid) -> String {
    format!("/admin/subscribers/{id}")
}

/// Where it is posted to that somebody gets no more mail.
pub fn admin_subscriber_end(id: Uuid) -> String {
    format!("/admin/subscribers/{id}/end")
}

/// All issues of the newsletter, drafts included.
pub fn admin_issues() -> String {
    "/admin/issues".into()
}

/// The issues older than the one with the id `before`.
pub fn admin_issues_before(before: Uuid) -> String {
    query(admin_issues(), &[("before", &before.to_string())])
}

/// The form for a new issue.
pub fn admin_new_issue() -> String {
    "/admin/issues/new".into()
}

/// The same, with what a post says.
pub fn admin_issue_from_post(post: Uuid) -> String {
    query(admin_new_issue(), &[("post", &post.to_string())])
}

/// One issue: its text, and how far it has come.
pub fn admin_issue(id: Uuid) -> String {
    format!("/admin/issues/{id}")
}

/// Where a test of an issue is asked for.
pub fn admin_issue_test(id: Uuid) -> String {
    format!("/admin/issues/{id}/test")
}

/// An issue as its readers get it by mail.
pub fn admin_issue_preview(id: Uuid) -> String {
    format!("/admin/issues/{id}/preview")
}

/// What stands in a frame there: the mail itself.
pub fn admin_issue_mail(id: Uuid) -> String {
    format!("/admin/issues/{id}/mail")
}

/// Where it is posted to that an issue is to be sent.
pub fn admin_issue_send(id: Uuid) -> String {
    format!("/admin/issues/{id}/send")
}

/// Where a scheduled issue is made a draft again.
pub fn admin_issue_recall(id: Uuid) -> String {
    format!("/admin/issues/{id}/recall")
}

/// Where the mails that are left are held.
pub fn admin_issue_pause(id: Uuid) -> String {
    format!("/admin/issues/{id}/pause")
}

/// Where they are let go.
pub fn admin_issue_resume(id: Uuid) -> String {
    format!("/admin/issues/{id}/resume")
}

/// What is to be done, and what was.
pub fn admin_outbox() -> String {
    "/admin/outbox".into()
}

/// The rows that match `filter`: pairs of `state`, `kind`, `to` and the cursor `before`.
pub fn admin_outbox_where(filter: &[(&str, &str)]) -> String {
    query(admin_outbox(), filter)
}

/// One row, and the mail it is about.
pub fn admin_outbox_entry(id: Uuid) -> String {
    format!("/admin/outbox/{id}")
}

/// Where it is posted to that a job is to be tried again.
pub fn admin_outbox_retry(id: Uuid) -> String {
    format!("/admin/outbox/{id}/retry")
}

/// Where it is posted to that dead jobs are to be tried again.
pub fn admin_outbox_retry_dead() -> String {
    "/admin/outbox/retry".into()
}

/// Where a test mail is asked for.
pub fn admin_test_mail() -> String {
    "/admin/test-mail".into()
}

/// When a member of staff is told of what.
pub fn admin_notices() -> String {
    "/admin/notices".into()
}

/// What the owner has decided.
pub fn admin_settings() -> String {
    "/admin/settings".into()
}

/// Where it is posted to how many posts may be read for free.
pub fn admin_free_posts() -> String {
    "/admin/settings/free-posts".into()
}

/// What the page cache keeps.
pub fn admin_cache() -> String {
    "/admin/cache".into()
}

/// The kept pages that match `filter`: pairs of `q` and `tags`, tags separated by spaces.
pub fn admin_cache_where(filter: &[(&str, &str)]) -> String {
    query(admin_cache(), filter)
}

/// What is kept for `address`, and why it is not fresh.
pub fn admin_cache_page(address: &str) -> String {
    query("/admin/cache/page".into(), &[("address", address)])
}

/// Where it is posted to what is to be rendered again.
pub fn admin_cache_drop() -> String {
    "/admin/cache/drop".into()
}

/// Every door there is.
pub fn admin_routes() -> String {
    "/admin/routes".into()
}

/// Tasks that come round again, and their runs.
pub fn admin_runs() -> String {
    "/admin/runs".into()
}

/// The runs older than the one with the id `before`.
pub fn admin_runs_before(before: Uuid) -> String {
    query(admin_runs(), &[("before", &before.to_string())])
}

/// Where it is posted to that a task is to be run out of turn.
pub fn admin_run_now(task: &str) -> String {
    format!("/admin/runs/{}/now", encode(task))
}

/// What is kept about one person.
pub fn admin_people() -> String {
    "/admin/people".into()
}

/// What is kept about whoever has this address.
pub fn admin_person(email: &str) -> String {
    query(admin_people(), &[("email", email)])
}

/// The same as a file.
pub fn admin_person_export(email: &str) -> String {
    format!("/admin/people/{}/export", encode(email))
}

/// Where it is posted to that someone is to be erased.
pub fn admin_person_erase() -> String {
    "/admin/people/erase".into()
}

/// Who runs the site.
pub fn admin_staff() -> String {
    "/admin/staff".into()
}

/// Those who came before the one with the id `before`.
pub fn admin_staff_before(before: Uuid) -> String {
    query(admin_staff(), &[("before", &before.to_string())])
}

/// One of them.
pub fn admin_staff_one(id: Uuid) -> String {
    format!("/admin/staff/{id}")
}

/// Where their new role is posted to.
pub fn admin_staff_role(id: Uuid) -> String {
    format!("/admin/staff/{id}/role")
}

/// Where it is posted to that their account is closed.
pub fn admin_staff_deactivate(id: Uuid) -> String {
    format!("/admin/staff/{id}/deactivate")
}

/// Where it is posted to that it is open again.
pub fn admin_staff_activate(id: Uuid) -> String {
    format!("/admin/staff/{id}/activate")
}

/// The API keys.
pub fn admin_keys() -> String {
    "/admin/keys".into()
}

/// Those that are older than the one with the id `before`.
pub fn admin_keys_before(before: Uuid) -> String {
    query(admin_keys(), &[("before", &before.to_string())])
}

/// The form that makes one.
pub fn admin_new_key() -> String {
    "/admin/keys/new".into()
}

/// One of them.
pub fn admin_key(id: Uuid) -> String {
    format!("/admin/keys/{id}")
}

/// Where it is posted to that it gets another secret.
pub fn admin_key_rotate(id: Uuid) -> String {
    format!("/admin/keys/{id}/rotate")
}

/// Where it is posted to that it is good no more.
pub fn admin_key_revoke(id: Uuid) -> String {
    format!("/admin/keys/{id}/revoke")
}

/// Who is told of what happens.
pub fn admin_webhooks() -> String {
    "/admin/webhooks".into()
}

/// Those that are older than the one with the id `before`.
pub fn admin_webhooks_before(before: Uuid) -> String {
    query(admin_webhooks(), &[("before", &before.to_string())])
}

/// The form that makes another.
pub fn admin_new_webhook() -> String {
    "/admin/webhooks/new".into()
}

/// One of them.
pub fn admin_webhook(id: Uuid) -> String {
    format!("/admin/webhooks/{id}")
}

/// What was sent there that matches `filter`: pairs of `state` and the cursor `after`.
pub fn admin_webhook_where(id: Uuid, filter: &[(&str, &str)]) -> String {
    query(admin_webhook(id), filter)
}

/// The form that changes it.
pub fn admin_webhook_edit(id: Uuid) -> String {
    format!("/admin/webhooks/{id}/edit")
}

/// Where it is posted to what is to be done with it: `ping`, `pause`, `enable`, `rotate`, `replay` or `remove`.
pub fn admin_webhook_deed(id: Uuid, deed: &str) -> String {
    format!("/admin/webhooks/{id}/{deed}")
}

/// Something that was sent there.
pub fn admin_delivery(id: Uuid) -> String {
    format!("/admin/webhooks/deliveries/{id}")
}

/// Where it is posted to who is invited to run the site.
pub fn admin_invites() -> String {
    "/admin/invites".into()
}

/// Where it is posted to that an invitation is mailed again.
pub fn admin_invite_again(id: Uuid) -> String {
    format!("/admin/invites/{id}/again")
}

/// Where it is posted to that it is taken back.
pub fn admin_invite_end(id: Uuid) -> String {
    format!("/admin/invites/{id}/end")
}

/// What was done, by whom, the last first.
pub fn admin_audit() -> String {
    "/admin/audit".into()
}

/// The lines that match `filter`: pairs of `who`, `act`, `object`, `from`, `until`, `q` and the cursor `before`.
pub fn admin_audit_where(filter: &[(&str, &str)]) -> String {
    query(admin_audit(), filter)
}

/// The same as a table to take along.
pub fn admin_audit_export(filter: &[(&str, &str)]) -> String {
    query("/admin/audit.csv".into(), filter)
}
