//! Reading for free: whoever has an account and does not pay opens so many posts for those who do, a calendar month.
//!
//! What was opened is known with who somebody is (`entitlements`), and `Audience::admits` judges by it. Here it is only opened.

use crate::error::{Absence, Result};
use crate::services::accounts;
use crate::services::posts::{self, Reader};
use crate::services::sessions::Member;
use sqlx::PgConnection;
use templates::paths;

/// Opens the post at `slug` to `who` until the month is over, where one is left to them; says where it is read, or where it says
/// that none is. What is open to them anyway is not counted, nor is anything twice.
///
/// # Errors
/// [`Error::NotFound`](crate::Error::NotFound) and [`Error::Gone`](crate::Error::Gone).
pub async fn open(db: &mut PgConnection, who: &Member, slug: &str) -> Result<String> {
    let post = match posts::by_slug(&mut *db, slug).await?.untracked() {
        Ok(post) => post,
        // Its page has the button too.
        Err(Absence::Moved(to)) => return Ok(to),
        Err(absence) => return Err(absence.into()),
    };
    if !post.audience.admits(post.id, &Reader::Member(who)) {
        // Whoever opens another at the same time waits here, and counts this one.
        accounts::hold(&mut *db, who.id()).await?;
        sqlx::query!(
            "insert into opened_posts (account_id, month, post_id) select $1, this_month(), $2
              where (select count(*) from opened_posts where account_id = $1 and month = this_month())
                    < (select value::int from settings where name = 'free-posts')
             on conflict do nothing",
            who.id(),
            post.id,
        )
        .execute(db)
        .await?;
    }
    Ok(paths::post(slug))
}
