//! What the domain name system says about mail of a domain: SPF (RFC 7208), DKIM (RFC 6376) and DMARC (RFC 7489). Without
//! them mail is handed over and read by nobody.

use anyhow::{Result, bail, ensure};
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::rr::RData;
use std::net::SocketAddr;

/// Which records, and whom to ask.
#[derive(Debug)]
pub struct Wanted<'a> {
    /// The domain mail comes from.
    pub domain: &'a str,
    /// The name of the key that mail is signed with, as whoever signs it says.
    pub selector: Option<&'a str>,
    /// A name server; this system's own where there is none.
    pub resolver: Option<SocketAddr>,
}

/// What each record says, or what is wrong with it.
///
/// # Errors
/// Where nobody can be asked.
pub async fn examine(wanted: &Wanted<'_>) -> Result<Vec<(&'static str, Result<String>)>> {
    let resolver = resolver(wanted.resolver)?;
    let domain = wanted.domain.trim_end_matches('.');
    let spf = spf(&texts(&resolver, domain).await);
    let dmarc = dmarc(&texts(&resolver, &format!("_dmarc.{domain}")).await);
    let dkim = match wanted.selector {
        Some(name) => dkim(&texts(&resolver, &format!("{name}._domainkey.{domain}")).await),
        None => Ok("not looked for; --dkim-selector names the key".to_owned()),
    };
    Ok(vec![("SPF", spf), ("DKIM", dkim), ("DMARC", dmarc)])
}

fn resolver(at: Option<SocketAddr>) -> Result<TokioResolver> {
    let builder = match at {
        None => TokioResolver::builder_tokio()?,
        Some(at) => {
            let port = |mut connection: ConnectionConfig| {
                connection.port = at.port();
                connection
            };
            let mut server = NameServerConfig::udp_and_tcp(at.ip());
            server.connections = vec![port(ConnectionConfig::udp()), port(ConnectionConfig::tcp())];
            let config = ResolverConfig::from_parts(None, Vec::new(), vec![server]);
            TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
        }
    };
    Ok(builder.build()?)
}

/// The text records of a name: each in one piece. None is an answer; no answer is an error.
async fn texts(resolver: &TokioResolver, name: &str) -> Result<Vec<String>> {
    // The dot says that the name is whole: no domain of this machine's is put behind it.
    let found = match resolver.txt_lookup(format!("{name}.")).await {
        Ok(found) => found,
        Err(NetError::Dns(DnsError::NoRecordsFound(_))) => return Ok(Vec::new()),
        Err(error) => bail!("{name} cannot be looked up: {error}"),
    };
    let text = |data: &RData| match data {
        RData::TXT(text) => Some(String::from_utf8_lossy(&text.txt_data.concat()).into_owned()),
        _ => None, // on the way there, such as another name
    };
    Ok(found.answers().iter().filter_map(|record| text(&record.data)).collect())
}

fn spf(texts: &Result<Vec<String>>) -> Result<String> {
    let record = the_one(texts, "v=spf1")?;
    let open = |term: &str| matches!(term, "+all" | "all");
    ensure!(!record.split(' ').any(open), "{record}: this lets anyone send in your name");
    Ok(record)
}

fn dkim(texts: &Result<Vec<String>>) -> Result<String> {
    let texts = texts.as_ref().map_err(|error| anyhow::anyhow!("{error:#}"))?;
    let key = texts.iter().find_map(|text| Some((text, tag(text, "p")?)));
    let Some((record, key)) = key else { bail!("there is no key of this name") };
    ensure!(!key.is_empty(), "{record}: this key was withdrawn");
    Ok("a key is there".to_owned())
}

fn dmarc(texts: &Result<Vec<String>>) -> Result<String> {
    let record = the_one(texts, "v=DMARC1")?;
    let policy = tag(&record, "p").unwrap_or_default();
    let known = matches!(policy, "none" | "quarantine" | "reject");
    ensure!(known, "{record}: p= has to be none, quarantine or reject");
    Ok(record)
}

/// The record that begins like this. Where there are several, none of them counts.
fn the_one(texts: &Result<Vec<String>>, version: &str) -> Result<String> {
    let texts = texts.as_ref().map_err(|error| anyhow::anyhow!("{error:#}"))?;
    let begins = |text: &&String| text.split([' ', ';']).next() == Some(version);
    let found: Vec<&String> = texts.iter().filter(begins).collect();
    match found.as_slice() {
        [one] => Ok((*one).clone()),
        [] => bail!("there is no record that begins with {version}"),
        more => bail!("there are {} records that begin with {version}; only one may", more.len()),
    }
}

/// What stands after `name=` in a list of tags.
fn tag<'a>(record: &'a str, name: &str) -> Option<&'a str> {
    let pairs = record.split(';').filter_map(|pair| pair.split_once('='));
    pairs
        .map(|(tag, value)| (tag.trim(), value.trim()))
        .find_map(|(tag, value)| (tag == name).then_some(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(texts: &[&str]) -> Result<Vec<String>> {
        Ok(texts.iter().map(|text| (*text).to_owned()).collect())
    }

    #[test]
    fn one_record_counts_two_do_not() {
        let good = "v=spf1 include:_spf.example.net -all";
        assert_eq!(spf(&said(&["something else", good])).unwrap(), good);
        for wrong in [&[][..], &["v=spf10 -all"], &[good, good], &["v=spf1 +all"], &["v=spf1 all"]]
        {
            assert!(spf(&said(wrong)).is_err(), "{wrong:?}");
        }
        assert!(spf(&Err(anyhow::anyhow!("nobody answers"))).is_err());
    }

    #[test]
    fn a_policy_is_one_of_three_and_a_key_is_there_or_not() {
        assert!(dmarc(&said(&["v=DMARC1; p=reject; rua=mailto:a@example.com"])).is_ok());
        for wrong in [&[][..], &["v=DMARC1"], &["v=DMARC1; p=perhaps"], &["p=none"]] {
            assert!(dmarc(&said(wrong)).is_err(), "{wrong:?}");
        }
        assert!(
            dkim(&said(&["v=DKIM1; k=rsa; p=MIGf"])).is_ok() && dkim(&said(&["p=MIGf"])).is_ok()
        );
        for wrong in [&[][..], &["v=DKIM1; p="], &["v=spf1 -all"]] {
            assert!(dkim(&said(wrong)).is_err(), "{wrong:?}");
        }
    }
}
