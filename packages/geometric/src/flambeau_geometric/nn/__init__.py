"""Graph layers."""

from .gat_conv import GATConv
from .gcn_conv import GCNConv, gcn_norm
from .message_passing import MessagePassing
from .sage_conv import SAGEConv

__all__ = ["GATConv", "GCNConv", "MessagePassing", "SAGEConv", "gcn_norm"]
