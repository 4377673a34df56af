package localnet

import "net"

// Addresses returns the addresses by which other machines reach this one.
func Addresses() (ips []net.IP) {
	addresses, err := net.InterfaceAddrs()
	if err != nil {
		return nil // they are only shown
	}
	for _, address := range addresses {
		if network, ok := address.(*net.IPNet); ok && network.IP.IsGlobalUnicast() {
			ips = append(ips, network.IP)
		}
	}
	return ips
}
