//! Who is signed in. The browser holds 256 random bits; the database holds their SHA-256.

mod by_token;

pub use by_token::{begin_for_app, end_family, of_app, touch_family};

use crate::digest;
use crate::error::{Error, Result};
use crate::services::entitlements::{self, Allowance, Entitlement, Standing};
use crate::services::staff::{Role, TwoFactorsOf};
use crate::services::{accounts, half_sign_ins, tokens};
use sha2::{Digest, Sha256};
use sqlx::PgConnection;
use sqlx::types::Json;
use std::time::Duration;
use time::OffsetDateTime;
use uuid::Uuid;

/// How long a session lasts from sign-in, and how long without being used (OWASP Session Management Cheat Sheet).
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// From sign-in.
    pub lifetime: Duration,
    /// Without being used.
    pub idle: Duration,
}

const DAY: u64 = 24 * 3600;

impl Limits {
    /// Those of a member, or of staff, who can do more harm.
    pub fn of(role: Option<Role>) -> Self {
        let (lifetime, idle) = if role.is_some() { (7, 1) } else { (90, 30) };
        Self {
            lifetime: Duration::from_secs(lifetime * DAY),
            idle: Duration::from_secs(idle * DAY),
        }
    }
}

/// How long a proof of who is there is good for what matters most.
pub const RECENT: Duration = Duration::from_secs(600);

/// Someone who has signed in. Only [`resume`] and [`of_app`] make one, so holding one is the proof.
#[derive(Debug, Clone)]
pub struct Member {
    id: Uuid,
    name: String,
    role: Option<Role>,
    session: Uuid,
    network: String,
    recent: bool,
    two_factors: bool,
    stale: bool,
    standing: Json<Standing>,
    in_cart: i64,
}

impl Member {
    /// Who it is.
    pub fn id(&self) -> Uuid {
        self.id
    }

    /// What others see.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether they are one of us.
    pub fn is_staff(&self) -> bool {
        self.role.is_some()
    }

    /// What they may have because they pay.
    pub fn entitlement(&self) -> Entitlement {
        entitlements::of(&self.standing)
    }

    /// Whether they have opened this post, which is for those who pay, this month.
    pub fn has_opened(&self, post: Uuid) -> bool {
        self.standing.opened.contains(&post)
    }

    /// What they may read of it without paying, where that is anything.
    pub fn allowance(&self) -> Option<Allowance> {
        entitlements::allowance(&self.standing)
    }

    /// How many things are in their cart, as every page says above.
    pub fn in_cart(&self) -> i64 {
        self.in_cart
    }

    /// The session they are here with.
    pub fn session(&self) -> Uuid {
        self.session
    }

    /// The network they come from, in words: the one their session was begun from, unless somebody knows better.
    pub fn network(&self) -> &str {
        &self.network
    }

    /// The same person, who comes from `network` this time.
    #[must_use]
    pub fn coming_from(self, network: String) -> Self {
        Self { network, ..self }
    }

    /// Whether they have proven who they are within [`RECENT`].
    pub fn is_recent(&self) -> bool {
        self.recent
    }

    /// Whether they are asked for two factors and have shown one alone.
    pub fn owes_a_factor(&self, asked_of: TwoFactorsOf) -> bool {
        !self.two_factors && self.must_have_two(asked_of)
    }

    /// Whether they may not do without a second factor.
    pub fn must_have_two(&self, asked_of: TwoFactorsOf) -> bool {
        self.role.is_some_and(|role| role.needs_two_factors(asked_of))
    }

    /// Whether it is time to note that the session is in use.
    pub fn is_stale(&self) -> bool {
        self.stale
    }
}

/// A member of staff who has signed in. Only [`Staff::among`] makes one.
#[derive(Debug, Clone)]
pub struct Staff {
    member: Member,
    role: Role,
}

impl Staff {
    /// The same person, where they are one, and have shown the factors that are asked of them.
    ///
    /// # Errors
    /// [`Error::Forbidden`] and [`Error::OneFactor`].
    pub fn among(member: Member, asked_of: TwoFactorsOf) -> Result<Self> {
        match member.role {
            _ if member.owes_a_factor(asked_of) => Err(Error::OneFactor),
            Some(role) => Ok(Self { member, role }),
            None => Err(Error::Forbidden("This is for the people who run the site.")),
        }
    }

    /// Who it is.
    pub fn id(&self) -> Uuid {
        self.member.id
    }

    /// What others see.
    pub fn name(&self) -> &str {
        &self.member.name
    }

    /// What they may do.
    pub fn role(&self) -> Role {
        self.role
    }

    /// Whether they may do everything.
    pub fn is_owner(&self) -> bool {
        self.role == Role::Owner
    }

    /// Them as anyone with an account.
    pub fn member(&self) -> &Member {
        &self.member
    }
}

/// An owner who has signed in. Only [`Owner::among`] makes one.
#[derive(Debug, Clone)]
pub struct Owner(Staff);

impl Owner {
    /// The same person, where they are one.
    ///
    /// # Errors
    /// [`Error::Forbidden`].
    pub fn among(staff: Staff) -> Result<Self> {
        match staff.is_owner() {
            true => Ok(Self(staff)),
            false => Err(Error::Forbidden("This is for the owner of the site alone.")),
        }
    }

    /// The owner as a member of staff.
    pub fn staff(&self) -> &Staff {
        &self.0
    }
}

/// What the browser holds: 256 random bits, in hexadecimal digits.
pub struct SessionToken([u8; 32]);

impl SessionToken {
    /// A new one, of random bytes.
    pub fn new(random: [u8; 32]) -> Self {
        Self(random)
    }

    /// Reads a cookie's value.
    pub fn parse(text: &str) -> Option<Self> {
        digest::unhex(text)?.try_into().ok().map(Self)
    }

    /// The cookie's value.
    pub fn reveal(&self) -> String {
        digest::hex(&self.0)
    }

    pub(super) fn hash(&self) -> Vec<u8> {
        Sha256::digest(self.0).to_vec()
    }
}

/// Where a session is begun.
#[derive(Debug, Clone)]
pub struct Device {
    /// As the browser calls itself.
    pub agent: String,
    /// The network, in words.
    pub network: String,
}

/// A session that was begun.
#[derive(Debug, Clone, Copy)]
pub struct Begun {
    /// How long it may last.
    pub lifetime: Duration,
    /// What they may do, where it is one of us.
    pub role: Option<Role>,
}

/// Begins a session, proven by one factor or by two.
///
/// # Errors
/// As any statement.
pub async fn begin(
    db: &mut PgConnection,
    account: Uuid,
    token: &SessionToken,
    device: &Device,
    two_factors: bool,
) -> Result<Begun> {
    accounts::hold(&mut *db, account).await?;
    let role =
        sqlx::query_scalar!(r#"select role as "role: Role" from staff where id = $1"#, account);
    let role = role.fetch_optional(&mut *db).await?;
    let Limits { lifetime, .. } = Limits::of(role);
    sqlx::query!(
        "insert into sessions (token_hash, account_id, expires_at, device, network, two_factors)
            values ($1, $2, now() + make_interval(secs => $3), left($4, 200), $5, $6)",
        token.hash(),
        account,
        lifetime.as_secs_f64(),
        device.agent,
        device.network,
        two_factors,
    )
    .execute(db)
    .await?;
    Ok(Begun { lifetime, role })
}

/// Notes that a second factor was shown in the session somebody is here with. As it opens more from now on, it goes on under
/// another id; says for how long it may.
///
/// # Errors
/// As any statement.
pub async fn raise(db: &mut PgConnection, who: &Member, token: &SessionToken) -> Result<Duration> {
    let left = sqlx::query_scalar!(
        r#"update sessions set two_factors = true, token_hash = $2 where id = $1
           returning extract(epoch from expires_at - now())::float8 as "left!""#,
        who.session,
        token.hash(),
    );
    let left = left.fetch_optional(db).await?.ok_or(Error::Unproven("Sign in first."))?;
    Ok(Duration::from_secs_f64(left.max(0.0)))
}

/// The person behind a session that is still good.
///
/// # Errors
/// As any statement.
pub async fn resume(db: &mut PgConnection, token: &SessionToken) -> Result<Option<Member>> {
    Ok(sqlx::query_as!(
        Member,
        r#"select accounts.id, accounts.name, staff.role as "role?: Role", sessions.id as session, network,
                  proven_at > now() - make_interval(secs => $2) as "recent!",
                  two_factors, seen_at < now() - interval '5 minutes' as "stale!",
                  membership_of(accounts.id) as "standing!: Json<Standing>",
                  coalesce((select sum(quantity) from carts join cart_lines on cart_id = carts.id where carts.account_id = accounts.id), 0) as "in_cart!"
             from sessions join accounts on accounts.id = account_id left join staff on staff.id = account_id
            where token_hash = $1 and expires_at > now() and active
              and seen_at > now() - make_interval(secs => case when staff.id is null then $3 else $4::float8 end)"#,
        token.hash(),
        RECENT.as_secs_f64(),
        Limits::of(None).idle.as_secs_f64(),
        Limits::of(Some(Role::Editor)).idle.as_secs_f64(),
    )
    .fetch_optional(db)
    .await?)
}

/// Notes that a session is in use.
///
/// # Errors
/// As any statement.
pub async fn touch(db: &mut PgConnection, who: &Member) -> Result<()> {
    sqlx::query!("update sessions set seen_at = now() where id = $1", who.session)
        .execute(db)
        .await?;
    Ok(())
}

/// Holds the session that `who` is here with until the transaction has ended: where it is over by then, or they are not what
/// they were any more, nothing is done; whoever wants to end it waits. So nothing is done in the name of somebody of whom it
/// was acknowledged that they may not.
///
/// # Errors
/// [`Error::Unproven`].
pub async fn hold(db: &mut PgConnection, who: &Staff) -> Result<()> {
    let held = sqlx::query_scalar!(
        "select sessions.id from sessions join staff on staff.id = account_id join accounts on accounts.id = account_id
          where sessions.id = $1 and expires_at > now() and role = $2 and active for key share of sessions",
        who.member.session,
        who.role as Role,
    );
    held.fetch_optional(db).await?.map(drop).ok_or(Error::Unproven("Sign in first."))
}

/// Ends a session, wherever it is used, and says whose it was.
///
/// # Errors
/// As any statement.
pub async fn end(db: &mut PgConnection, token: &SessionToken) -> Result<Option<Uuid>> {
    let ended = sqlx::query_scalar!(
        "delete from sessions where token_hash = $1 returning account_id",
        token.hash()
    );
    Ok(ended.fetch_optional(db).await?)
}

/// Ends all sessions of an account, `but` the one somebody is here with, and all that are half begun; apps are out with them.
///
/// # Errors
/// As any statement.
pub async fn end_others(db: &mut PgConnection, account: Uuid, but: Option<&Member>) -> Result<()> {
    accounts::hold(&mut *db, account).await?;
    tokens::end_codes(&mut *db, account).await?;
    let but = but.map(|member| member.session);
    sqlx::query!(
        "delete from sessions where account_id = $1 and id is distinct from $2",
        account,
        but
    )
    .execute(&mut *db)
    .await?;
    half_sign_ins::end_all(db, account).await
}

/// A session, as its owner sees it.
#[derive(Debug)]
pub struct Session {
    /// Which.
    pub id: Uuid,
    /// As the browser called itself.
    pub device: String,
    /// Whether it is an app's, and not a browser's.
    pub by_token: bool,
    /// What the operator calls that app, where it is one that was registered.
    pub app: Option<String>,
    /// The network it was begun from.
    pub network: String,
    /// When it was begun.
    pub created_at: OffsetDateTime,
    /// When it was last seen, to within five minutes.
    pub seen_at: OffsetDateTime,
}

/// The sessions of `who`, the last one first; at most 50.
///
/// # Errors
/// As any statement.
pub async fn all(db: &mut PgConnection, who: &Member) -> Result<Vec<Session>> {
    Ok(sqlx::query_as!(
        Session,
        r#"select sessions.id, device, by_token, apps.name as "app?", network, sessions.created_at, seen_at
             from sessions left join apps on apps.id = app_id
            where account_id = $1 and expires_at > now() order by seen_at desc, sessions.created_at desc limit 50"#,
        who.id,
    )
    .fetch_all(db)
    .await?)
}

/// Ends one of the sessions of `who`. One that is over already, or is not theirs, is none of them.
///
/// # Errors
/// [`Error::NotFound`].
pub async fn end_one(db: &mut PgConnection, who: &Member, id: Uuid) -> Result<()> {
    let ended = sqlx::query!("delete from sessions where id = $1 and account_id = $2", id, who.id);
    match ended.execute(db).await?.rows_affected() {
        0 => Err(Error::NotFound),
        _ => Ok(()),
    }
}
