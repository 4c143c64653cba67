//! How far Stripe's events have been compared with what came, and what the reconciler needs to compare.

use crate::error::Result;
use crate::stripe::objects::Event;
use serde_json::Value;
use sqlx::PgConnection;
use time::OffsetDateTime;
use uuid::Uuid;

/// Up to when events have been compared; none where they never were.
///
/// # Errors
/// As any statement.
pub async fn seen(db: &mut PgConnection) -> Result<Option<OffsetDateTime>> {
    Ok(sqlx::query_scalar!("select seen from stripe_mark").fetch_optional(db).await?)
}

/// Notes up to when they have been.
///
/// # Errors
/// As any statement.
pub async fn see(db: &mut PgConnection, until: OffsetDateTime) -> Result<()> {
    sqlx::query!(
        "insert into stripe_mark (seen) values ($1) on conflict (one) do update set seen = greatest(stripe_mark.seen, excluded.seen)",
        until
    )
    .execute(db)
    .await?;
    Ok(())
}

/// Those of these events that never came.
///
/// # Errors
/// As any statement.
pub async fn missing(db: &mut PgConnection, ids: &[String]) -> Result<Vec<String>> {
    Ok(sqlx::query_scalar!(
        r#"select told.event as "event!" from unnest($1::text[]) as told (event)
            where not exists (select from inbox where source = 'stripe' and event_id = told.event)"#,
        ids,
    )
    .fetch_all(db)
    .await?)
}

/// Keeps an event that was found in Stripe's list, as done; false where it has come meanwhile. `id` is a fresh one.
///
/// # Errors
/// As any statement.
pub async fn keep(db: &mut PgConnection, id: Uuid, event: &Event, said: &Value) -> Result<bool> {
    let kept = sqlx::query!(
        "insert into inbox (id, source, event_id, type, payload, state, remark, ended_at)
         values ($1, 'stripe', $2, $3, $4, 'done', 'It never came: it was found in the list at Stripe.', now())
             on conflict on constraint inbox_event_key do nothing",
        id,
        event.id,
        event.kind.chars().take(100).collect::<String>(),
        said.to_string().into_bytes(),
    );
    Ok(kept.execute(db).await?.rows_affected() == 1)
}

/// Every subscription that is known here.
///
/// # Errors
/// As any statement.
pub async fn subscriptions(db: &mut PgConnection) -> Result<Vec<String>> {
    Ok(sqlx::query_scalar!("select id from subscriptions order by id").fetch_all(db).await?)
}

/// Forgets a subscription that Stripe does not know.
///
/// # Errors
/// As any statement.
pub async fn forget(db: &mut PgConnection, id: &str) -> Result<()> {
    sqlx::query!("delete from subscriptions where id = $1", id).execute(db).await?;
    Ok(())
}

/// What of the shop does not agree with the books, as `order:{id}` or `product:{slug}`: orders placed since then that are paid for and
/// have no charge in the ledger, or the other way round, or another; of which more or less went back than Stripe has given; and products
/// of which more or less were sold than orders have taken. The site writes all of it at once, so it was not the site.
///
/// # Errors
/// As any statement.
pub async fn doubtful(db: &mut PgConnection, since: OffsetDateTime) -> Result<Vec<String>> {
    let doubtful = sqlx::query_scalar!(
        r#"select 'order:' || orders.id as "what!" from orders
             left join lateral (select sum(debit) as charged from ledger join ledger_entries on ledger_id = ledger.id
                                 where about = 'order:' || orders.id and kind = 'charge' and account = 'stripe') charge on true
             left join lateral (select sum(amount) as back from stripe_objects
                                 where parent = payment and type = 'refund' and state = 'succeeded') refund on true
            where placed_at >= $1
              and (charged is distinct from (case when status in ('paid', 'refunded') then orders.amount end)
                or refunded <> least(coalesce(back, 0), orders.amount))
           union all
           select 'product:' || slug from products
             left join (select product_id, sum(quantity) as taken from order_lines join orders on orders.id = order_id
                         where orders.taken group by product_id) orders on product_id = products.id
            where sold <> coalesce(orders.taken, 0)
            order by 1"#,
        since,
    );
    Ok(doubtful.fetch_all(db).await?)
}
