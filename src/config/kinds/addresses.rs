//! Addresses, networks and what can be connected to.

use std::net::IpAddr;

use super::super::key::At;
use super::super::model::Address;
use super::super::names;
use super::{tested, text};
use crate::yaml::Node;

pub(super) fn ip(node: &Node, at: &mut At<'_>) -> Option<IpAddr> {
    let given = text(node, at, "an IP address")?;
    if let Ok(ip) = given.parse() {
        return Some(ip);
    }
    let help = match given.split_once('/') {
        Some((ip, _)) if ip.parse::<IpAddr>().is_ok() => format!("no prefix belongs here: `{ip}`"),
        _ => String::new(),
    };
    at.error(
        node.span,
        "config/not-an-address",
        format!("`{given}` is not an IP address"),
        &help,
    )
}

pub(super) fn address(node: &Node, at: &mut At<'_>) -> Option<Address> {
    let expected = "an IP address with or without a prefix, such as `10.0.0.11/24`";
    let given = text(node, at, expected)?;
    let (ip, prefix) = given
        .split_once('/')
        .map_or((given, None), |(ip, prefix)| (ip, Some(prefix)));
    let Ok(ip) = ip.parse::<IpAddr>() else {
        let help = if names::looks_like_ipv4(ip) {
            "each of the four numbers is at most 255, without leading zeros"
        } else {
            "host names are not resolved: write the address"
        };
        return at.error(
            node.span,
            "config/not-an-address",
            format!("`{given}` is not {expected}"),
            help,
        );
    };
    let longest: u8 = if ip.is_ipv4() { 32 } else { 128 };
    let Some(prefix) = prefix else {
        return Some(Address { ip, prefix: None });
    };
    match prefix.parse::<u8>() {
        Ok(bits) if (1..=longest).contains(&bits) => Some(Address {
            ip,
            prefix: Some(bits),
        }),
        _ => at.error(
            node.span,
            "config/not-an-address",
            format!("prefix `{prefix}` is not a number of bits from 1 to {longest}"),
            "",
        ),
    }
}

pub(super) fn cidr(node: &Node, at: &mut At<'_>) -> Option<ipnet::IpNet> {
    let expected = "a network such as `10.32.0.0/12`";
    let given = text(node, at, expected)?;
    let code = "config/not-a-network";
    match given.parse::<ipnet::IpNet>() {
        Ok(net) if net.trunc() == net => Some(net),
        Ok(net) => at.error(
            node.span,
            code,
            format!("`{given}` has bits behind its prefix"),
            &format!("did you mean `{}`?", net.trunc()),
        ),
        Err(_) => at.error(node.span, code, format!("`{given}` is not {expected}"), ""),
    }
}

pub(super) fn mac(node: &Node, at: &mut At<'_>) -> Option<String> {
    let expected = "a MAC address such as `52:54:00:00:00:11`";
    let given = text(node, at, expected)?;
    let Some(mac) = names::mac(given) else {
        return at.error(
            node.span,
            "config/not-a-mac",
            format!("`{given}` is not {expected}"),
            "",
        );
    };
    // IEEE 802: the lowest bit of the first octet marks a group.
    let group = u8::from_str_radix(&mac[..2], 16).is_ok_and(|octet| octet & 1 == 1);
    if group || mac == "00:00:00:00:00:00" {
        return at.error(
            node.span,
            "config/not-a-mac",
            format!("`{given}` is the address of no single interface"),
            "its first octet must be even, such as `52`",
        );
    }
    Some(mac)
}

pub(super) fn server(node: &Node, at: &mut At<'_>) -> Option<String> {
    tested(
        node,
        at,
        names::is_server,
        "config/not-a-host",
        "a host name or an IP address",
        "neither scheme nor port belong here",
    )
}

pub(super) fn url(node: &Node, at: &mut At<'_>) -> Option<String> {
    let expected = "an http or https URL such as `http://10.0.0.5/firstlight`";
    let given = text(node, at, expected)?;
    let rest = given
        .strip_prefix("http://")
        .or_else(|| given.strip_prefix("https://"));
    let host = rest.map(|rest| rest.split('/').next().unwrap_or_default());
    let plain = given
        .bytes()
        .all(|byte| byte.is_ascii_graphic() && !b"?#\"'\\@`<>".contains(&byte));
    if plain && host.is_some_and(|host| !host.is_empty() && !host.starts_with(':')) {
        return Some(given.trim_end_matches('/').to_owned());
    }
    at.error(
        node.span,
        "artefacts/bad-mirror",
        format!("`{given}` is not {expected}"),
        "scheme, host and path only: no user, query or fragment",
    )
}
