#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-3.0-or-later
"""
What is read from the kernel's bytes is what iptables-legacy-save prints, to the letter: rules in all
the words that are known. words.py --words PATH
"""
import argparse
import sys

from beds import LegacyBed, require

HEAD = "*filter\n:INPUT DROP [3:4]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n:A - [0:0]\n" \
       ":Zz - [0:0]\n"
BOTH = """
-i eth0 -o lo+ -j RETURN
! -i e+ -p tcp -j DROP
-p 99 -j Zz
! -p udp -j ACCEPT
-p sctp -g Zz
-p tcp -m tcp --sport 1:2 --dport 80 -j DROP
-p tcp -m tcp ! --sport 0 ! --dport 8000:9000 --tcp-option 5 --tcp-flags FIN,SYN,RST,ACK SYN
-p tcp -m tcp ! --tcp-flags SYN NONE -j DROP
-p udp -m udp --sport 53 ! --dport 1:65535 -j DROP
-p tcp -m multiport --dports 22,80:90,443 -j DROP
-p udp -m multiport ! --sports 1,2,3 -j DROP
-p tcp -m multiport --ports 7 -j DROP
-m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-m conntrack ! --ctstate INVALID,NEW,UNTRACKED,SNAT,DNAT -j ACCEPT
-m conntrack --ctproto 6 --ctorigdstport 80 --ctdir ORIGINAL -j ACCEPT
-p tcp -m conntrack ! --ctorigsrcport 1:2 --ctreplsrcport 3 ! --ctrepldstport 4 --ctstatus ASSURED --ctexpire 1:5 --ctdir REPLY
-m state --state NEW -j ACCEPT
-m state ! --state RELATED,ESTABLISHED -j Zz
-m comment --comment plain -j DROP
-m comment --comment "it's \\"quoted\\" \\\\ -j" -j DROP
-m set --match-set geo%(six)s src -j DROP
-m set ! --match-set geo%(six)s dst -m comment --comment x -j DROP
-m set --match-set pair%(six)s src,dst --return-nomatch -j DROP
-m addrtype --src-type LOCAL,MULTICAST ! --dst-type UNICAST -j DROP
-m addrtype --dst-type LOCAL --limit-iface-in -j RETURN
-m mark --mark 0x1 -j DROP
-m mac --mac-source 02:00:00:ab:cd:ef -j DROP
-m mac ! --mac-source 02:00:00:00:00:77 -j DROP
-m mark ! --mark 0xff00/0xff0f -j DROP
-m connmark --mark 0x0/0x1
-m limit --limit 30/min -j LOG --log-prefix "a b: " --log-level 7
-m limit --limit 3/hour --limit-burst 9 -j LOG --log-prefix x --log-tcp-sequence --log-tcp-options --log-ip-options --log-uid
-m limit --limit 10000/sec -j LOG
-m time --datestop 2026-11-24T16:40:00 -j RETURN
-m time --timestart 08:00:00 --timestop 17:30:59 --monthdays 1,2,31 --weekdays Mon,Sun --datestart 2020-02-29T00:00:01 --kerneltz -j DROP
-m time --timestart 23:00:00 --timestop 01:00:00 --contiguous
-m hashlimit --hashlimit-above 10/sec --hashlimit-burst 5 --hashlimit-mode srcip --hashlimit-name a%(six)s -j DROP
-m hashlimit --hashlimit-upto 3/hour --hashlimit-burst 7 --hashlimit-mode srcip,dstport --hashlimit-name b%(six)s --hashlimit-htable-size 64 --hashlimit-htable-max 99 --hashlimit-htable-gcinterval 500 --hashlimit-htable-expire 4000 --hashlimit-srcmask 24 --hashlimit-dstmask 16
-m hashlimit --hashlimit-above 512kb/s --hashlimit-mode dstip,srcport --hashlimit-name c%(six)s
-m hashlimit --hashlimit-upto 1mb/s --hashlimit-burst 3mb --hashlimit-name d%(six)s
-m hashlimit --hashlimit-above 40/min --hashlimit-name e%(six)s --hashlimit-rate-match --hashlimit-rate-interval 9
-p tcp -m connlimit --connlimit-above 20 --connlimit-mask 24 --connlimit-saddr -j REJECT
-p tcp -m connlimit --connlimit-upto 5 --connlimit-daddr
-m recent --set --name SSH%(six)s
-m recent ! --set --rdest
-m recent --update --seconds 60 --reap --hitcount 4 --rttl --name SSH%(six)s -j DROP
-m recent ! --rcheck --name k%(six)s --rdest -j DROP
-m recent --remove --name k%(six)s
-m length --length 100:200 -j DROP
-m length ! --length 7
-m pkttype ! --pkt-type broadcast -j DROP
-p tcp -j REJECT --reject-with tcp-reset
-m string --string "a \\"b\\" it's \\\\ x" --algo bm -j DROP
-m string ! --string "GET /" --algo kmp --from 40 --to 900 --icase -j DROP
-m string --hex-string "|0d0aff|" --algo bm
-m policy --dir in --pol ipsec -j ACCEPT
-m policy --dir in --pol none -j DROP
-m policy --dir in --pol ipsec --strict --reqid 7 ! --spi 0x1f --proto esp --mode tunnel --next --proto ah --mode transport
-m physdev --physdev-in eth+ -j DROP
-m physdev ! --physdev-is-in ! --physdev-in br0 -j DROP
-m physdev --physdev-is-bridged -j ACCEPT
-m statistic --mode random --probability 0.33333333349 -j DROP
-m statistic --mode random ! --probability 0.50000000000
-m statistic --mode nth --every 3 --packet 0 -j DROP
-m statistic --mode nth ! --every 10 --packet 2
-m connbytes --connbytes 1000 --connbytes-mode bytes --connbytes-dir both -j DROP
-m connbytes --connbytes 1:20 --connbytes-mode packets --connbytes-dir original
-m connbytes ! --connbytes 3:9 --connbytes-mode avgpkt --connbytes-dir reply
-p tcp -m tcp --tcp-flags SYN SYN -m tcpmss --mss 536:65535 -j DROP
-p tcp -m tcp --tcp-flags SYN SYN -m tcpmss ! --mss 1460
-m tos --tos 0x10/0x3f -j ACCEPT
-m tos ! --tos 0x0a/0xff
-m dscp --dscp 0x2e -j ACCEPT
-m dscp ! --dscp 0x01
-m helper --helper ftp -j ACCEPT
-m helper ! --helper "ftp-2121"
-m u32 --u32 "0x6&0xff=0x1,0x6:0x11&&0x0>>0x16&0x3c@0xc>>0x1a&0x3c=0x0" -j DROP
-m u32 ! --u32 "0x4<<0x1=0x0:0xffffffff"
-j NFQUEUE --queue-num 7
-j NFQUEUE --queue-num 0 --queue-bypass
-j NFQUEUE --queue-balance 1:4
-j NFQUEUE --queue-balance 1:4 --queue-bypass --queue-cpu-fanout
-j NFLOG
-j NFLOG --nflog-prefix "geo: " --nflog-group 5 --nflog-threshold 2
-j NFLOG --nflog-prefix x --nflog-size 0
-j SET --add-set geo%(six)s src
-j SET --add-set pair%(six)s src,dst --exist --timeout 600
-j SET --del-set pair%(six)s dst,src
"""
IPV4 = """
-s 10.0.0.0/8 -d 192.0.2.1/32 -j DROP
! -s 1.2.3.0/255.255.0.255 -j DROP
! -d 1.2.3.0/24 -j Zz
! -s 0.0.0.0/0 -j Zz
-f -j DROP
! -f
-p icmp -m icmp --icmp-type 8 -j ACCEPT
-p icmp -m icmp ! --icmp-type 3/1 -j ACCEPT
-p icmp -m icmp --icmp-type any -j ACCEPT
-m iprange --src-range 1.0.0.1-1.0.0.9 ! --dst-range 2.0.0.0-2.0.0.1 -j DROP
-m conntrack --ctorigsrc 1.2.3.4 ! --ctrepldst 10.0.0.0/8 -j DROP
-j REJECT --reject-with icmp-port-unreachable
-j REJECT --reject-with icmp-admin-prohibited
-p udp -j REJECT --reject-with icmp-host-unreachable
-m ttl --ttl-eq 1 -j DROP
-m ttl ! --ttl-eq 2
-m ttl --ttl-lt 3
-m ttl --ttl-gt 4
"""
IPV6 = """
-s 2001:db8::/32 -d 2001:db8:0:1::1/128 -j DROP
! -s ::1/128 -j DROP
-s fe80::/10 -d ::ffff:1.2.3.4/128 -j DROP
-s 1:0:0:2::/64
-p ipv6-icmp -m icmp6 --icmpv6-type 128 -j ACCEPT
-p ipv6-icmp -m icmp6 ! --icmpv6-type 1/3 -j ACCEPT
-m iprange ! --src-range 2001:db8::1-2001:db8::9 -j DROP
-m conntrack --ctorigdst 2001:db8::/32 -j DROP
-j REJECT --reject-with icmp6-port-unreachable
-j REJECT --reject-with icmp6-adm-prohibited
-m hl --hl-eq 1 -j DROP
-m hl ! --hl-eq 2
-m hl --hl-lt 3
-m hl --hl-gt 4
"""
MANGLE = """*mangle
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
:M - [0:0]
[1:2] -A M -j MARK --set-xmark 0x10/0xff
-A M -j MARK --set-xmark 0x1/0xffffffff
-A PREROUTING -m rpfilter --invert -j DROP
-A PREROUTING -m rpfilter --loose --validmark --accept-local -j M
-A FORWARD -p tcp -m tcp --tcp-flags SYN,RST SYN -j TCPMSS --clamp-mss-to-pmtu
-A FORWARD -p tcp -m tcp --tcp-flags SYN,RST SYN -j TCPMSS --set-mss 1400
-A POSTROUTING -j CLASSIFY --set-class 0001:001f
-A M -j CONNMARK --set-xmark 0x1/0xff
-A M -j CONNMARK --save-mark --nfmask 0xff --ctmask 0xffffffff
-A M -j CONNMARK --restore-mark --nfmask 0xffffffff --ctmask 0xffffffff
COMMIT
"""
RAW = """*raw
:PREROUTING ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:R - [0:0]
-A OUTPUT -m owner --socket-exists --uid-owner 0 -j CT --notrack
-A OUTPUT -m owner ! --uid-owner 1000-1999 ! --gid-owner 7 --suppl-groups
-A R -j CT --notrack
-A R -p tcp -m tcp --dport 21 -j CT --helper ftp
-A R -j CT --zone 3
COMMIT
"""
NAT = """*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
:N - [0:0]
-A N -p tcp -m tcp --dport 80 -j DNAT --to-destination %(one)s
-A N -p tcp -m tcp --dport 80 -j DNAT --to-destination %(port)s:8080
-A N -p tcp -m tcp --dport 80 -j DNAT --to-destination %(port)s:8080-8090
-A N -p udp -m udp --dport 53 -j DNAT --to-destination %(range)s --random --persistent
-A N -p tcp -m tcp --dport 80 -j DNAT --to-destination :8080
-A N -p tcp -m tcp --dport 80 -j REDIRECT --to-ports 8080
-A N -p tcp -m tcp --dport 80 -j REDIRECT --to-ports 8080-8090 --random
-A N -j REDIRECT
COMMIT
"""
NAT4 = NAT % {"one": "192.0.2.1", "port": "192.0.2.1", "range": "192.0.2.1-192.0.2.9"}
NAT6 = NAT % {"one": "2001:db8::1", "port": "[2001:db8::1]", "range": "2001:db8::1-2001:db8::9"}
SETS = """create geo hash:net
create geo6 hash:net family inet6
create pair hash:ip,port timeout 0
create pair6 hash:ip,port family inet6 timeout 0
"""


def rules(own, six):
    lines = (BOTH % {"six": six} + own).strip().splitlines()
    return HEAD + "".join("[%d:%d] -A A %s\n" % (i, i * 1000000007, line)
                          for i, line in enumerate(line for line in lines if line)) + \
        "-A Zz -j RETURN\nCOMMIT\n" + MANGLE + RAW


def without_comments(text):
    """Nor what packets that come by add to a policy's counters."""
    return [line.partition(" [")[0] if line.startswith(":") else line
            for line in text.splitlines() if not line.startswith("#")]


def main():
    parser = argparse.ArgumentParser(description=__doc__.strip().split("\n", 1)[0])
    parser.add_argument("--words", required=True, help="where words.c was built")
    args = parser.parse_args()
    failed = 0
    with LegacyBed() as bed:
        bed.load_legacy(rules(IPV4, "") + NAT4, rules(IPV6, "6") + NAT6, SETS)
        for family, tool in (("4", "iptables"), ("6", "ip6tables")):
            for table in ("filter", "mangle", "raw", "nat"):
                saved = without_comments(
                    bed.must([tool + "-legacy-save", "-c", "-t", table]))
                words = without_comments(bed.must([args.words, family, table]))
                require(len(saved) > 9, "nothing was loaded")
                for theirs, ours in zip(saved, words):
                    if theirs != ours:
                        failed += 1
                        print("FAILED %s\n   not %s" % (ours, theirs))
                failed += len(saved) != len(words)
    print("ok words" if not failed else "FAILED words: %d" % failed)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
