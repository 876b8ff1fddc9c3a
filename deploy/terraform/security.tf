# Who may talk to whom: the arrows of the topology, and no others. A group without a rule lets nobody in.

data "aws_ec2_managed_prefix_list" "cloudfront" {
  name = "com.amazonaws.global.cloudfront.origin-facing"
}

# Balancers: apisix-public, apisix-internal, awf-spa-nlb.
resource "aws_security_group" "balancer" {
  for_each = local.topology_edge

  name        = "${var.name}-${each.key}"
  description = "The balancer ${each.key}"
  vpc_id      = aws_vpc.main.id

  tags = { Name = "${var.name}-${each.key}" }
}

locals {
  # A port of a balancer of the public side is for CloudFront, one of the internal side for operators.
  balancer_ports = merge([
    for name, hop in local.topology_edge : {
      for port in hop.ports : "${name}:${port}" => { name = name, port = port, internal = hop.internal }
    }
  ]...)
  internal_entries = merge([
    for key, one in local.balancer_ports : {
      for network in concat([var.network], var.operator_networks) : "${key} from ${network}" => merge(one, { network = network })
    } if one.internal
  ]...)
}

resource "aws_vpc_security_group_ingress_rule" "from_cloudfront" {
  for_each = { for key, one in local.balancer_ports : key => one if !one.internal }

  security_group_id = aws_security_group.balancer[each.value.name].id
  description       = "CloudFront"
  prefix_list_id    = data.aws_ec2_managed_prefix_list.cloudfront.id
  ip_protocol       = "tcp"
  from_port         = each.value.port
  to_port           = each.value.port
}

resource "aws_vpc_security_group_ingress_rule" "from_operators" {
  for_each = local.internal_entries

  security_group_id = aws_security_group.balancer[each.value.name].id
  description       = "Operators and services"
  cidr_ipv4         = each.value.network
  ip_protocol       = "tcp"
  from_port         = each.value.port
  to_port           = each.value.port
}

resource "aws_vpc_security_group_egress_rule" "to_pods" {
  for_each = local.topology_edge

  security_group_id            = aws_security_group.balancer[each.key].id
  description                  = "What it leads to"
  referenced_security_group_id = aws_eks_cluster.main.vpc_config[0].cluster_security_group_id
  ip_protocol                  = "tcp"
  from_port                    = each.value.target_port
  to_port                      = each.value.target_port
}

# Nodes and pods have the cluster's own group. Between pods the cluster's policies rule.
resource "aws_vpc_security_group_ingress_rule" "pods_from_balancer" {
  for_each = local.topology_edge

  security_group_id            = aws_eks_cluster.main.vpc_config[0].cluster_security_group_id
  description                  = "The balancer ${each.key}"
  referenced_security_group_id = aws_security_group.balancer[each.key].id
  ip_protocol                  = "tcp"
  from_port                    = each.value.target_port
  to_port                      = each.value.target_port
}

resource "aws_vpc_security_group_ingress_rule" "node_ports" {
  for_each = {
    for pair in setproduct(keys(local.topology_node_ports), var.operator_networks) :
    "${pair[0]} from ${pair[1]}" => { port = local.topology_node_ports[pair[0]], network = pair[1] }
  }

  security_group_id = aws_eks_cluster.main.vpc_config[0].cluster_security_group_id
  description       = "Operators: ${each.key}"
  cidr_ipv4         = each.value.network
  ip_protocol       = "tcp"
  from_port         = each.value.port
  to_port           = each.value.port
}

# Middleware: its own port, for pods.
resource "aws_security_group" "middleware" {
  for_each = local.middleware

  name        = "${var.name}-${each.key}"
  description = "The ${each.value.kind} of ${each.value.domain}"
  vpc_id      = aws_vpc.main.id

  tags = { Name = "${var.name}-${each.key}" }
}

resource "aws_vpc_security_group_ingress_rule" "middleware_from_pods" {
  for_each = local.middleware

  security_group_id            = aws_security_group.middleware[each.key].id
  description                  = "Services"
  referenced_security_group_id = aws_eks_cluster.main.vpc_config[0].cluster_security_group_id
  ip_protocol                  = "tcp"
  from_port                    = each.value.port
  to_port                      = each.value.port
}

# Hosts of ours speak to each other: brokers at 9092 and 9093 (the quorum), members of etcd at 2380.
locals {
  peer_ports = merge(
    { for id, one in local.own_brokers : "${id}:${one.port}" => { id = id, port = one.port } },
    { for id, one in local.own_brokers : "${id}:9093" => { id = id, port = 9093 } },
    { for id, one in local.registries : "${id}:2380" => { id = id, port = 2380 } },
  )
}

resource "aws_vpc_security_group_ingress_rule" "peers" {
  for_each = local.peer_ports

  security_group_id            = aws_security_group.middleware[each.value.id].id
  description                  = "Its own hosts"
  referenced_security_group_id = aws_security_group.middleware[each.value.id].id
  ip_protocol                  = "tcp"
  from_port                    = each.value.port
  to_port                      = each.value.port
}

# They fetch their image, and speak to each other.
resource "aws_vpc_security_group_egress_rule" "hosts_out" {
  for_each = merge(local.own_brokers, local.registries)

  security_group_id = aws_security_group.middleware[each.key].id
  description       = "Image and packages"
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
}

resource "aws_vpc_security_group_egress_rule" "peers_out" {
  for_each = local.peer_ports

  security_group_id            = aws_security_group.middleware[each.value.id].id
  description                  = "Its own hosts"
  referenced_security_group_id = aws_security_group.middleware[each.value.id].id
  ip_protocol                  = "tcp"
  from_port                    = each.value.port
  to_port                      = each.value.port
}
