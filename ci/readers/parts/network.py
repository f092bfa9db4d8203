"""What a renderer wrote, in one form for all: which card, which addresses, gateways, resolvers.

Each reader takes a root folder and gives a list of interfaces.
"""

import configparser
import ipaddress
import re
from pathlib import Path

import yaml


def interface(name=None, mac=None):
    return {"name": name, "mac": mac, "address": set(), "gateway": set(), "dns": [], "search": [], "dhcp": set(), "ra": None}


def prefixed(address, netmask=None):
    if "/" in address:
        return str(ipaddress.ip_interface(address))
    if netmask is None:
        return address
    if ":" in address:
        return f"{address}/{netmask}"
    return str(ipaddress.ip_interface(f"{address}/{netmask}"))


def is_default(to):
    return to in ("default", "0.0.0.0/0", "::/0")


def files(root, *patterns):
    return sorted(path for pattern in patterns for path in Path(root).glob(pattern) if path.is_file())


def eni(root):
    """Debian's ifupdown, /etc/network/interfaces.d."""
    found, here, stanza = {}, None, {}

    def end():
        if "address" in stanza:
            here["address"].add(prefixed(stanza["address"], stanza.get("netmask")))

    for path in files(root, "etc/network/interfaces.d/50-cloud-init*"):
        for line in [*path.read_text().splitlines(), "auto end"]:
            word, _, rest = line.strip().partition(" ")
            rest = rest.strip()
            if word in ("auto", "iface", "allow-hotplug"):
                if here:
                    end()
                here, stanza = None, {}
            if word == "iface" and not rest.startswith("lo "):
                name, _, method = rest.split()[:3]
                here = found.setdefault(name.split(":")[0], interface(name.split(":")[0]))
                if method.startswith("dhcp"):
                    here["dhcp"].add("6" if "inet6" in rest else "4")
            elif here is None:
                continue
            elif word in ("address", "netmask"):
                stanza[word] = rest
            elif word == "gateway":
                here["gateway"].add(rest)
            elif word.startswith("post-up") and "default" in rest:
                here["gateway"].add("post-up")
            elif word == "hwaddress":
                here["mac"] = rest.split()[-1]
            elif word == "dns-nameservers":
                here["dns"] += rest.split()
            elif word == "dns-search":
                here["search"] += rest.split()
            elif word == "accept_ra":
                here["ra"] = rest != "0"
    return list(found.values())


def netplan(root):
    found = []
    for path in files(root, "etc/netplan/*.yaml"):
        for name, said in yaml.safe_load(path.read_text())["network"]["ethernets"].items():
            here = interface(said.get("set-name", name), said.get("match", {}).get("macaddress"))
            here["address"] = {prefixed(a) for a in said.get("addresses", [])}
            here["gateway"] = {said[key] for key in ("gateway4", "gateway6") if key in said}
            here["gateway"] |= {route["via"] for route in said.get("routes", []) if is_default(route["to"])}
            servers = said.get("nameservers", {})
            here["dns"], here["search"] = servers.get("addresses", []), servers.get("search", [])
            here["dhcp"] = {family for family in "46" if said.get(f"dhcp{family}")}
            here["ra"] = said.get("accept-ra")
            found.append(here)
    return found


def sections(path):
    """An INI file with repeated sections and keys: (section, key, value) in order."""
    section = ""
    for line in path.read_text().splitlines():
        line = line.strip()
        if line.startswith("["):
            section = line.strip("[]")
        elif "=" in line and not line.startswith(("#", ";")):
            key, _, value = line.partition("=")
            yield section, key.strip(), value.strip()


def networkd(root, *patterns):
    found = []
    for path in files(root, *(patterns or ("etc/systemd/network/*cloud-init*.network",))):
        here, route = interface(), {}
        for section, key, value in sections(path):
            match section, key:
                case "Match", "Name":
                    here["name"] = value
                case "Match", "MACAddress" | "PermanentMACAddress":
                    here["mac"] = value
                case ("Network" | "Address"), "Address":
                    here["address"].add(prefixed(value))
                case "Network", "Gateway":
                    here["gateway"].add(value)
                case "Network", "DNS":
                    here["dns"] += value.split()
                case "Network", "Domains":
                    here["search"] += value.split()
                case "Network", "DHCP":
                    here["dhcp"] = {"yes": {"4", "6"}, "ipv4": {"4"}, "ipv6": {"6"}}.get(value, set())
                case "Network", "IPv6AcceptRA":
                    here["ra"] = value.lower() in ("yes", "true", "1")
                case "Route", "Destination":
                    route["to"] = value
                case "Route", "Gateway":
                    # before or after its destination: ours has default routes only
                    here["gateway"].add(value)
        found.append(here)
    return found


def sysconfig(root):
    found = []
    for path in files(root, "etc/sysconfig/network-scripts/ifcfg-*"):
        said = {}
        for line in path.read_text().splitlines():
            if "=" in line and not line.startswith("#"):
                key, _, value = line.partition("=")
                said[key] = value.strip("\"'")
        if said.get("DEVICE") == "lo" or path.name == "ifcfg-lo":
            continue
        here = interface(said.get("DEVICE"), said.get("HWADDR"))
        for key, value in said.items():
            if re.fullmatch(r"IPADDR\d*", key):
                here["address"].add(prefixed(value, said.get(key.replace("IPADDR", "NETMASK")) or said.get(key.replace("IPADDR", "PREFIX"))))
            elif key in ("GATEWAY", "IPV6_DEFAULTGW"):
                here["gateway"].add(value.split("%")[0])
            elif key == "IPV6ADDR":
                here["address"].add(prefixed(value))
            elif re.fullmatch(r"DNS\d", key):
                here["dns"].append(value)
        here["search"] = said.get("DOMAIN", "").split()
        if said.get("BOOTPROTO") in ("dhcp", "dhcp4"):
            here["dhcp"].add("4")
        if said.get("DHCPV6C") == "yes":
            here["dhcp"].add("6")
        for key in ("IPV6_AUTOCONF", "IPV6_FORCE_ACCEPT_RA"):
            if key in said:
                here["ra"] = said[key] == "yes"
        found.append(here)
    # EL7's 0.7.9 has its resolvers in resolv.conf only
    resolv = files(root, "etc/resolv.conf")
    text = resolv[0].read_text() if resolv else ""
    for here in found:
        if not here["dhcp"]:
            here["dns"] = here["dns"] or re.findall(r"^nameserver (\S+)", text, re.M)
            here["search"] = here["search"] or " ".join(re.findall(r"^search (.*)", text, re.M)).split()
    return found


def network_manager(root):
    found = []
    for path in files(root, "etc/NetworkManager/system-connections/*.nmconnection"):
        said = configparser.RawConfigParser(strict=False)
        said.read(path)
        here = interface(said.get("connection", "interface-name", fallback=None), said.get("ethernet", "mac-address", fallback=None))
        for family in "46":
            section = f"ipv{family}"
            if not said.has_section(section):
                continue
            method = said.get(section, "method", fallback="")
            if method in ("auto", "dhcp"):
                here["dhcp"].add(family)
            for key, value in said.items(section):
                if re.fullmatch(r"address\d+", key):
                    address, *gateway = value.split(",")
                    here["address"].add(prefixed(address))
                    here["gateway"] |= set(gateway)
                elif key == "gateway":
                    here["gateway"].add(value)
                elif re.fullmatch(r"route\d+", key) and is_default(value.split(",")[0]):
                    here["gateway"].add(value.split(",")[1])
                elif key == "dns":
                    here["dns"] += [server for server in value.split(";") if server]
                elif key == "dns-search":
                    here["search"] += [d for d in value.split(";") if d and d not in here["search"]]
        found.append(here)
    return found


READERS = {"eni": eni, "netplan": netplan, "networkd": networkd, "sysconfig": sysconfig, "network-manager": network_manager}


def differences(found, expected, renderer):
    """What of the expected interface a renderer's files do not say, or say otherwise."""
    if len(found) != 1:
        return [f"{len(found)} interfaces: {[each['name'] for each in found]}"]
    here, wrong = found[0], []
    if (here["mac"] or expected["mac"]).lower() != expected["mac"]:
        wrong.append(f"card {here['mac']}, not {expected['mac']}")
    if here["name"] not in (None, expected["name"]):
        wrong.append(f"named {here['name']}, not {expected['name']}")
    if here["name"] is None and here["mac"] is None:
        wrong.append("no card is named")
    for key in ("address", "gateway", "dhcp"):
        if here[key] != set(expected[key]):
            wrong.append(f"{key} {sorted(here[key])}, not {sorted(expected[key])}")
    for key in ("dns", "search"):
        if here[key] != expected[key]:
            wrong.append(f"{key} {here[key]}, not {expected[key]}")
    # netplan and its networkd would wait for a router before the machine is online
    if expected["ra"] is False and (here["ra"] or (here["ra"] is None and renderer == "netplan")):
        wrong.append(f"accepts router advertisements: {here['ra']}")
    return wrong
